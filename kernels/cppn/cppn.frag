#version 330 core
// A whole CPPN per pixel, for networks up to 32 wide. One shader for all of them: loop bounds are uniforms, because
// compiling constant ones for each style takes 5 s a style on some drivers.
//
// weights: one row of texels per neuron, rows layer * 32 + neuron; texel k of a row holds the weights of inputs 4k..4k+3,
// texel 8 the bias. Layer 0 reads at most 8 spatial inputs (texels 0 and 1); its bias, with the frame's uniform inputs
// folded in, is `bias0`. Unused neurons have zero weights on the way out, so padding adds nothing.
#include "cppn/projection.glsl"

in vec2 uv;
out vec4 colour;

uniform sampler2D weights;
uniform vec2 extent;     // network coordinates at the right and top edge before the view
uniform vec4 view;       // a, b, tx, ty
uniform int spatial[8];  // 0 x, 1 y, 2 radius, 3 |x|, 4 |y|; 2n + 4 and 2n + 5: x and y of the n-fold map
uniform int spatials;
uniform vec4 bias0[8];
uniform int groups;      // width / 4, rounded up
uniform int layers;
uniform int activations[12];

vec4 activate(int kind, vec4 z) {
    if (kind == 0) return sin(z);
    if (kind == 1) return cos(z);
    if (kind == 2) return exp(-z * z);
    return tanh(clamp(z, -20.0, 20.0));
}

float coordinate(int kind, vec2 p) {
    if (kind == 0) return p.x;
    if (kind == 1) return p.y;
    if (kind == 2) return length(p);
    if (kind == 3) return abs(p.x);
    if (kind == 4) return abs(p.y);
    vec2 unit = p / max(length(p), 1e-6);
    vec2 q = p;
    for (int i = 1; i < kind / 2 - 2; ++i) q = vec2(q.x * unit.x - q.y * unit.y, q.x * unit.y + q.y * unit.x);
    return kind % 2 == 0 ? q.x : q.y;
}

float row(int y, int texels, vec4 h[8]) {
    float sum = 0.0;
    for (int k = 0; k < texels; ++k) sum += dot(texelFetch(weights, ivec2(k, y), 0), h[k]);
    return sum;
}

void main() {
    vec2 g = (uv * 2.0 - 1.0) * extent;
    vec2 p = vec2(view.x * g.x - view.y * g.y, view.y * g.x + view.x * g.y) + view.zw;
    p = project(p);
    vec4 h[8];
    vec4 next[8];
    for (int k = 0; k < 8; ++k) h[k] = vec4(0.0);
    for (int i = 0; i < spatials; ++i) h[i / 4][i % 4] = coordinate(spatial[i], p);
    for (int j = 0; j < groups; ++j) {
        vec4 z = vec4(row(4 * j, 2, h), row(4 * j + 1, 2, h), row(4 * j + 2, 2, h), row(4 * j + 3, 2, h));
        next[j] = activate(activations[0], z + bias0[j]);
    }
    h = next;
    for (int layer = 1; layer < layers; ++layer) {
        for (int j = 0; j < groups; ++j) {
            int y = layer * 32 + 4 * j;
            vec4 bias = vec4(texelFetch(weights, ivec2(8, y), 0).x, texelFetch(weights, ivec2(8, y + 1), 0).x,
                             texelFetch(weights, ivec2(8, y + 2), 0).x, texelFetch(weights, ivec2(8, y + 3), 0).x);
            vec4 z = vec4(row(y, groups, h), row(y + 1, groups, h), row(y + 2, groups, h), row(y + 3, groups, h));
            next[j] = activate(activations[layer], z + bias);
        }
        h = next;
    }
    int y = layers * 32;
    vec3 z = vec3(row(y, groups, h), row(y + 1, groups, h), row(y + 2, groups, h));
    z += vec3(texelFetch(weights, ivec2(8, y), 0).x, texelFetch(weights, ivec2(8, y + 1), 0).x,
              texelFetch(weights, ivec2(8, y + 2), 0).x);
    colour = vec4(0.5 + 0.5 * tanh(clamp(0.5 * z, -20.0, 20.0)), 1.0);
}
