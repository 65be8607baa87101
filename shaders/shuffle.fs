/*{
    "ISFVSN": "2",
    "DESCRIPTION": "The picture is cut into strips of many widths, which run up and down until all show the next one",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Wipe"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0},
        {"NAME": "strips", "TYPE": "float", "LABEL": "Strips", "MIN": 3.0, "MAX": 48.0, "DEFAULT": 17.0},
        {"NAME": "apart", "TYPE": "float", "LABEL": "One after the other", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.6},
        {"NAME": "lying", "TYPE": "bool", "LABEL": "Lying", "DEFAULT": false}
    ]
}*/

float chance(float n) {
    return fract(sin(n * 91.3458 + 3.7) * 47453.5453);
}

// Where strip k begins, 0 to 1: no two are equally wide.
float begins(float k, float n) {
    return k <= 0.0 ? 0.0 : k >= n ? 1.0 : (k + 0.7 * (chance(k) - 0.5)) / n;
}

// The strip k at p; in alpha how deep it lies in its run, 0 to 1.
vec4 strip(float k, vec2 p) {
    float wait = apart * 0.7 * chance(k + 41.0);
    float t = clamp((progress - wait) / (1.0 - apart * 0.7), 0.0, 1.0);
    float way = t * t * t * (t * (6.0 * t - 15.0) + 10.0);
    float side = chance(k + 11.0) > 0.5 ? 1.0 : -1.0;
    float along = (lying ? p.x : p.y) + side * way;
    float beyond = side > 0.0 ? along - 1.0 : -along; // the next picture follows where this is above 0
    float pixel = 0.75 / (lying ? RENDERSIZE.x : RENDERSIZE.y);
    float next = t <= 0.0 ? 0.0 : t >= 1.0 ? 1.0 : smoothstep(-pixel, pixel, beyond);
    float old = clamp(along, 0.0, 1.0), new = clamp(along - side, 0.0, 1.0);
    vec3 colour = mix(
        IMG_NORM_PIXEL(startImage, lying ? vec2(old, p.y) : vec2(p.x, old)).rgb,
        IMG_NORM_PIXEL(endImage, lying ? vec2(new, p.y) : vec2(p.x, new)).rgb, next
    );
    // Where one picture follows the other there is a soft shadow in the older one.
    float runs = 4.0 * way * (1.0 - way);
    colour *= 1.0 - 0.6 * runs * (1.0 - next) * exp(-abs(beyond) / 0.05);
    return vec4(colour * (1.0 - 0.18 * runs), runs);
}

void main() {
    vec2 p = isf_FragNormCoord;
    float across = lying ? p.y : p.x, n = floor(strips);
    float pixel = 1.0 / (lying ? RENDERSIZE.y : RENDERSIZE.x);
    float k = floor(across * n);
    if (across < begins(k, n)) k -= 1.0;
    if (across >= begins(k + 1.0, n)) k += 1.0;
    float low = begins(k, n), high = begins(k + 1.0, n);
    vec4 own = strip(k, p);
    // Half a pixel of the neighbour at each edge: the cut is smooth. Strips that lie still cast no shadow.
    bool left = across - low < high - across;
    float near = left ? across - low : high - across;
    bool outer = left ? k <= 0.0 : k >= n - 1.0;
    vec4 other = outer ? own : strip(k + (left ? -1.0 : 1.0), p);
    vec3 light = mix(own.rgb, other.rgb, 0.5 * smoothstep(pixel, 0.0, near));
    float below = clamp(other.a - own.a, 0.0, 1.0);
    light *= 1.0 - 0.5 * below * exp(-near / 0.012);
    gl_FragColor = vec4(light, 1.0);
}
