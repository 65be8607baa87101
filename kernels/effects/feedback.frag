#version 330 core
// One step of the trails: what was, moved and faded, under what is.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform sampler2D history;
uniform float aspect;
uniform vec2 turn; // cos and sin of this step's rotation, over its zoom
uniform vec4 keep; // what a step leaves of each channel
uniform float smear; // 0: the brighter of trail and picture; 1: their running mean

void main() {
    vec2 p = centred(uv, aspect);
    p = vec2(turn.x * p.x + turn.y * p.y, turn.x * p.y - turn.y * p.x);
    vec4 now = read_here(source);
    vec4 past = read(history, fold(uncentred(p, aspect)));
    colour = mix(max(now, past * keep), mix(now, past, keep), smear);
}
