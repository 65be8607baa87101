/*{
    "ISFVSN": "2",
    "DESCRIPTION": "A city whose towers are the bands of the music, over water",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Generator", "Audio"],
    "INPUTS": [
        {"NAME": "spectrum", "TYPE": "audioFFT", "MAX": 40},
        {"NAME": "towers", "TYPE": "float", "LABEL": "Towers", "MIN": 8.0, "MAX": 48.0, "DEFAULT": 26.0},
        {"NAME": "horizon", "TYPE": "float", "LABEL": "Horizon", "MIN": 0.1, "MAX": 0.6, "DEFAULT": 0.3},
        {"NAME": "dusk", "TYPE": "float", "LABEL": "Dusk", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.45},
        {"NAME": "lamps", "TYPE": "color", "LABEL": "Lamps", "DEFAULT": [1.0, 0.74, 0.32, 1.0]},
        {"NAME": "sun", "TYPE": "point2D", "LABEL": "Sun", "MIN": [0.0, 0.0], "MAX": [1.0, 1.0], "DEFAULT": [0.5, 0.52]}
    ]
}*/

float chance(float n) {
    return fract(sin(n * 91.3458) * 47453.5453);
}

vec3 sky(vec2 p, float aspect) {
    vec3 high = mix(vec3(0.02, 0.05, 0.16), vec3(0.01, 0.008, 0.03), dusk);
    vec3 low = mix(vec3(0.95, 0.42, 0.18), vec3(0.5, 0.06, 0.3), dusk);
    vec3 light = mix(low, high, smoothstep(0.0, 0.75, p.y));
    float d = length((p - sun) * vec2(aspect, 1.0)) - 0.17;
    float pixel = 1.5 / RENDERSIZE.y;
    // Slats, wider towards the bottom.
    float slat = fract((p.y - sun.y) * 26.0 + TIME * 0.25);
    float cut = smoothstep(0.0, 0.06, slat - clamp(0.5 - (p.y - sun.y + 0.1) * 4.0, 0.0, 0.72));
    float disc = (1.0 - smoothstep(-pixel, pixel, d)) * cut;
    light += vec3(0.9, 0.3, 0.2) * 0.1 / (abs(d) + 0.12);
    return mix(light, mix(vec3(1.0, 0.25, 0.4), vec3(1.0, 0.85, 0.35), smoothstep(-0.17, 0.17, p.y - sun.y)), disc);
}

// p.y: above the water line. Returns light, and in alpha whether a tower stands there.
vec4 city(vec2 p, float row) {
    float n = floor(towers) * (1.0 + 0.6 * row);
    float x = p.x * n + row * 3.7;
    float i = floor(x), f = fract(x);
    float heard = IMG_NORM_PIXEL(spectrum, vec2(fract((i + 0.5) / n), 0.5)).r;
    float height = (0.06 + 0.16 * chance(i + 31.0 * row)) * (1.0 - 0.25 * row) + 0.34 * heard * (1.0 - 0.4 * row);
    height += 0.012 * sin(TIME * 0.7 + i * 2.3) * (1.0 - heard);
    float gap = 0.06 + 0.12 * chance(i + 5.0);
    float pixel = 1.0 / RENDERSIZE.y;
    if (f < gap || f > 1.0 - 0.04 || p.y > height) return vec4(0.0);
    vec3 wall = mix(vec3(0.012, 0.012, 0.03), vec3(0.06, 0.03, 0.1), row);
    vec2 window = vec2((f - gap) / (0.96 - gap) * 4.0, p.y * 52.0);
    vec2 w = fract(window);
    float lit = step(0.62 - 0.5 * heard, chance(floor(window.x) + 17.0 * floor(window.y) + 101.0 * i + floor(TIME * 0.4 + chance(i))));
    float pane = step(0.22, w.x) * step(w.x, 0.8) * step(0.3, w.y) * step(w.y, 0.78);
    vec3 light = wall + lamps.rgb * pane * lit * (0.35 + 0.9 * heard) * (1.0 - 0.6 * row);
    float edge = 1.0 - smoothstep(0.0, 3.0 * pixel, height - p.y);
    return vec4(light + mix(lamps.rgb, vec3(1.0, 0.2, 0.5), chance(i)) * edge * (0.25 + heard), 1.0);
}

vec3 scene(vec2 p, float aspect) {
    vec3 light = sky(vec2(p.x, p.y + horizon), aspect);
    vec4 far = city(p, 1.0);
    light = mix(light, far.rgb, far.a);
    vec4 near = city(p, 0.0);
    return mix(light, near.rgb, near.a);
}

void main() {
    vec2 p = isf_FragNormCoord;
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    float above = p.y - horizon;
    vec3 light;
    if (above >= 0.0) {
        light = scene(vec2(p.x, above), aspect);
    } else {
        float deep = -above / horizon;
        float wave = sin(60.0 / (deep + 0.12) + TIME * 2.0) * 0.006 * (deep + 0.1);
        light = scene(vec2(p.x + wave * (1.0 + 3.0 * deep), -above * 1.15 + wave), aspect);
        light *= mix(0.62, 0.12, deep);
        light += vec3(0.05, 0.02, 0.06) * smoothstep(0.93, 1.0, sin(60.0 / (deep + 0.12) + TIME * 2.0));
    }
    gl_FragColor = vec4(light, 1.0);
}
