#version 330 core
// Fold the circle into mirrored wedges. The place that is read moves with amount, so every step on the way is seamless.
#include "common/picture.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float aspect;
uniform float amount;
uniform float wedge; // angle of a mirrored pair, radians
uniform float rotation; // of the mirrors, radians
uniform float look; // direction that the wedge is cut from, radians
uniform float zoom;

void main() {
    vec2 p = centred(uv, aspect);
    float angle = atan(p.y, p.x + 1e-9) - rotation;
    angle = abs(angle - wedge * floor(angle / wedge + 0.5)) + look;
    vec2 folded = length(p) / zoom * vec2(cos(angle), sin(angle));
    colour = read(source, fold(uncentred(mix(p, folded, amount), aspect)));
}
