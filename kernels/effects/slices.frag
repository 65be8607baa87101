#version 330 core
// The picture in rows, or rows of tiles, that have jumped aside: each by its own way, which a hash of its place and of the
// jump gives. At an edge a pixel has its share of both sides; of four tiles that meet in it, of the two that share most.
#include "common/picture.glsl"
#include "common/hash.glsl"
in vec2 uv;
out vec4 colour;
uniform sampler2D source;
uniform float aspect;
uniform vec2 turn; // cos and sin of the direction in which rows lie
uniform float rows; // over the height of the picture
uniform float columns; // tiles over a length of one height; 0: rows are whole
uniform float reach; // longest way, in picture heights
uniform float share; // of the rows that jump
uniform float uneven; // share of the rows that stay together in fours
uniform float split; // how much further red goes than green, and blue less far
uniform int jump; // which jump this is

const int FAR = 32768; // makes the number of every row positive

// How far a tile has jumped, in picture heights along its row.
float way(ivec2 tile) {
    int four = tile.y >> 2;
    if (hash3(uvec3(FAR + four, 1, jump)).x < uneven) tile.y = 4 * four;
    vec3 dice = hash3(uvec3(FAR + tile.x, FAR + tile.y, jump));
    float far = 2.0 * dice.x - 1.0;
    return dice.y < share ? reach * far * abs(far) : 0.0; // squared: many go a little way, few a long one
}

vec4 shown(vec2 p, ivec2 tile) {
    vec2 move = way(tile) * turn;
    vec4 middle = read(source, fold(uncentred(p + move, aspect)));
    if (split > 0.0) {
        middle.r = read(source, fold(uncentred(p + (1.0 + split) * move, aspect))).r;
        middle.b = read(source, fold(uncentred(p + (1.0 - split) * move, aspect))).b;
    }
    return middle;
}

// The neighbour that shares this pixel along one axis, and its share. pixel: width of one in tiles.
vec2 beside(float at, float pixel) {
    float within = at - floor(at);
    return within < 0.5 ? vec2(-1.0, max(0.5 - within / pixel, 0.0)) : vec2(1.0, max(0.5 - (1.0 - within) / pixel, 0.0));
}

void main() {
    vec2 p = centred(uv, aspect);
    vec2 at = vec2(turn.x * p.x + turn.y * p.y, turn.x * p.y - turn.y * p.x) * vec2(columns, rows);
    float pixel = 1.0 / float(textureSize(source, 0).y);
    ivec2 tile = ivec2(floor(at));
    vec2 across = beside(at.x, max(columns, 1e-6) * pixel), along = beside(at.y, rows * pixel);
    if (columns == 0.0) across.y = 0.0;
    bool level = along.y >= across.y;
    float other = max(along.y, across.y);
    colour = shown(p, tile);
    if (other > 0.0) colour = mix(colour, shown(p, tile + (level ? ivec2(0, along.x) : ivec2(across.x, 0))), other);
}
