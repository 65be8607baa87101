#version 330 core
// One step of the trails: each channel of each place follows the picture, fast upwards and slowly down, from where it was
// after the move. A mean of two pictures at every step, so whatever runs through it stays within their bounds.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D history;
uniform float aspect;
uniform vec2 turn; // cos and sin of this step's rotation, over its zoom
uniform vec4 fall; // what a step keeps of a trail that is brighter than the picture, by channel
uniform float rise; // and of one that is darker

void main() {
    vec2 p = centred(uv, aspect);
    p = vec2(turn.x * p.x + turn.y * p.y, turn.x * p.y - turn.y * p.x);
    vec4 now = read_here(source);
    vec4 past = read(history, fold(uncentred(p, aspect)));
    colour = mix(now, past, mix(vec4(rise), fall, lessThan(now, past)));
}
