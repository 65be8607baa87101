/*{
    "ISFVSN": "2",
    "DESCRIPTION": "Blades of a shutter that turn and open, ring within ring",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Generator", "Geometry"],
    "INPUTS": [
        {"NAME": "blades", "TYPE": "float", "LABEL": "Blades", "MIN": 3.0, "MAX": 16.0, "DEFAULT": 7.0},
        {"NAME": "opening", "TYPE": "float", "LABEL": "Opening", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.42},
        {"NAME": "twist", "TYPE": "float", "LABEL": "Twist", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.35},
        {"NAME": "warm", "TYPE": "color", "LABEL": "Warm", "DEFAULT": [1.0, 0.36, 0.11, 1.0]},
        {"NAME": "cold", "TYPE": "color", "LABEL": "Cold", "DEFAULT": [0.08, 0.32, 0.95, 1.0]},
        {"NAME": "spectrum", "TYPE": "audioFFT"}
    ]
}*/

const float TURN = 6.28318530718;

// Distance to the edge of a regular hole of `n` straight sides, negative inside.
float hole(vec2 p, float n, float size) {
    float step = TURN / n;
    float a = atan(p.y, p.x);
    a = mod(a + 0.5 * step, step) - 0.5 * step;
    return length(p) * cos(a) - size;
}

void main() {
    vec2 p = (gl_FragCoord.xy - 0.5 * RENDERSIZE) / (0.5 * min(RENDERSIZE.x, RENDERSIZE.y));
    float pixel = 2.0 / min(RENDERSIZE.x, RENDERSIZE.y);
    float n = floor(blades + 0.5);
    vec3 light = vec3(0.012, 0.014, 0.02);
    // From the widest ring inwards: each covers what lies outside of its hole.
    for (int i = 0; i < 9; ++i) {
        float k = float(i);
        float depth = fract((k + TIME * 0.55) / 9.0);
        float heard = IMG_NORM_PIXEL(spectrum, vec2((k + 0.5) / 9.0, 0.5)).r;
        float size = mix(2.3, 0.05, sqrt(depth)) * (0.55 + opening) * (1.0 + 0.25 * heard);
        float turn = TIME * 0.22 + twist * TURN * depth + k * 0.15;
        float c = cos(turn), s = sin(turn);
        vec2 q = mat2(c, -s, s, c) * p;
        float d = hole(q, n, size);
        float fade = smoothstep(0.0, 0.12, depth) * (1.0 - smoothstep(0.86, 1.0, depth));
        float width = 0.012 + 0.03 * heard + 0.02 * (1.0 - depth);
        float line = 1.0 - smoothstep(width - pixel, width + pixel, abs(d));
        float glow = 0.02 / (abs(d) + 0.02);
        vec3 hue = mix(cold.rgb, warm.rgb, 0.5 + 0.5 * sin(depth * TURN + TIME * 0.3));
        // The blades themselves: their seams run along the sides of the hole.
        float seam = abs(fract(atan(q.y, q.x) / TURN * n + 4.0 * d) - 0.5);
        float blade = smoothstep(0.0, pixel, d) * step(d, 0.34) * (0.35 + 0.65 * smoothstep(0.02, 0.06, seam));
        light += fade * hue * (line * (0.9 + heard) + 0.1 * glow * glow + 0.16 * blade * (1.0 - depth));
    }
    gl_FragColor = vec4(1.0 - exp(-1.5 * light), 1.0);
}
