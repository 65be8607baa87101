/*{
    "ISFVSN": "2",
    "DESCRIPTION": "Cut glass: cells with bevelled edges, each tilted to another light",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Generator", "Material"],
    "INPUTS": [
        {"NAME": "cells", "TYPE": "float", "LABEL": "Cells", "MIN": 2.0, "MAX": 12.0, "DEFAULT": 5.0},
        {"NAME": "bevel", "TYPE": "float", "LABEL": "Bevel", "MIN": 0.01, "MAX": 0.3, "DEFAULT": 0.11},
        {"NAME": "lamp", "TYPE": "point2D", "LABEL": "Lamp", "MIN": [-1.0, -1.0], "MAX": [1.0, 1.0], "DEFAULT": [0.3, 0.5]},
        {"NAME": "glass", "TYPE": "color", "LABEL": "Glass", "DEFAULT": [0.06, 0.62, 0.6, 1.0]},
        {"NAME": "spread", "TYPE": "float", "LABEL": "Colours", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.55},
        {"NAME": "flash", "TYPE": "event", "LABEL": "Glint"}
    ]
}*/

vec2 chance(vec2 p) {
    return fract(sin(vec2(dot(p, vec2(127.1, 311.7)), dot(p, vec2(269.5, 183.3)))) * 43758.5453);
}

vec2 seed(vec2 cell) {
    return 0.5 + 0.38 * sin(TIME * 0.45 + 6.28318530718 * chance(cell));
}

vec3 turned(vec3 colour, float angle) {
    const vec3 grey = vec3(0.57735);
    float c = cos(angle);
    return colour * c + cross(grey, colour) * sin(angle) + grey * dot(grey, colour) * (1.0 - c);
}

void main() {
    vec2 p = (gl_FragCoord.xy - 0.5 * RENDERSIZE) / min(RENDERSIZE.x, RENDERSIZE.y) * cells;
    float pixel = cells / min(RENDERSIZE.x, RENDERSIZE.y);
    vec2 n = floor(p), f = p - n;
    vec2 nearest = vec2(0.0), own = vec2(0.0);
    float best = 9.0;
    for (int j = -1; j <= 1; ++j)
        for (int i = -1; i <= 1; ++i) {
            vec2 g = vec2(float(i), float(j));
            vec2 r = g + seed(n + g) - f;
            if (dot(r, r) < best) { best = dot(r, r); nearest = r; own = n + g; }
        }
    // The nearest border, and which way it lies (Quilez).
    float edge = 9.0;
    vec2 away = vec2(0.0);
    for (int j = -2; j <= 2; ++j)
        for (int i = -2; i <= 2; ++i) {
            vec2 g = vec2(float(i), float(j));
            vec2 r = g + seed(n + g) - f, apart = r - nearest;
            if (dot(apart, apart) > 1e-5) {
                float d = dot(0.5 * (nearest + r), normalize(apart));
                if (d < edge) { edge = d; away = normalize(apart); }
            }
        }
    vec2 tilt = (chance(own + 3.0) - 0.5) * 0.9;
    float slope = 1.0 - smoothstep(bevel - pixel, bevel + pixel, edge);
    vec3 normal = normalize(vec3(tilt + away * slope * 1.1, 1.0));
    vec3 to = normalize(vec3(lamp * 3.0 - p / cells * 2.0 + vec2(sin(TIME * 0.5), cos(TIME * 0.37)), 1.4));
    float lit = max(dot(normal, to), 0.0);
    vec3 half_way = normalize(to + vec3(0.0, 0.0, 1.0));
    float shine = pow(max(dot(normal, half_way), 0.0), 90.0);
    vec3 body = abs(turned(glass.rgb, spread * 5.0 * (chance(own).x - 0.5)));
    // Stripes of what is behind, bent by the facet.
    float behind = abs(fract((p.x + p.y * 0.4 + tilt.x * 6.0 + away.x * slope * 2.0) * 1.3 + TIME * 0.12) - 0.5);
    vec3 light = body * (0.12 + 0.75 * lit * lit) * (0.72 + 0.5 * smoothstep(0.2, 0.2 + 2.6 * pixel, behind));
    light += vec3(1.0, 0.97, 0.9) * shine * (flash ? 2.0 : 0.85);
    light *= smoothstep(0.0, 1.4 * pixel, edge - 0.006);
    gl_FragColor = vec4(light, 1.0);
}
