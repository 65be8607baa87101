/*{
    "ISFVSN": "2",
    "DESCRIPTION": "Two rulings of hard lines slide over each other; what moves is what neither has",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Generator", "Op art"],
    "INPUTS": [
        {"NAME": "lines", "TYPE": "float", "LABEL": "Lines", "MIN": 4.0, "MAX": 36.0, "DEFAULT": 13.0},
        {"NAME": "apart", "TYPE": "float", "LABEL": "Apart", "MIN": 0.0, "MAX": 0.6, "DEFAULT": 0.22},
        {"NAME": "rays", "TYPE": "float", "LABEL": "Rays", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35},
        {"NAME": "ink", "TYPE": "color", "LABEL": "Ink", "DEFAULT": [0.0, 0.72, 0.82, 1.0]},
        {"NAME": "ink2", "TYPE": "color", "LABEL": "Second ink", "DEFAULT": [0.98, 0.12, 0.38, 1.0]},
        {"NAME": "negative", "TYPE": "bool", "LABEL": "Negative", "DEFAULT": false}
    ]
}*/

const float TURN = 6.28318530718;

// Cover 0..1 of rings and rays around a centre, with an edge of one pixel whatever their density.
float ruling(vec2 p, float phase) {
    float r = length(p), a = atan(p.y, p.x) / TURN;
    float wavy = r * lines + rays * 2.5 * sin(a * TURN * 6.0 + phase * 0.7) - phase;
    // By hand and not by fwidth, which jumps where the angle does.
    float slope = lines * 2.0 / min(RENDERSIZE.x, RENDERSIZE.y) * (1.0 + rays * 15.0 / (r * lines + 4.0));
    float d = abs(fract(wavy) - 0.5) - 0.25;
    return clamp(0.5 + d / slope, 0.0, 1.0);
}

void main() {
    vec2 p = (gl_FragCoord.xy - 0.5 * RENDERSIZE) / (0.5 * min(RENDERSIZE.x, RENDERSIZE.y));
    vec2 way = apart * vec2(cos(TIME * 0.37), sin(TIME * 0.29));
    float first = ruling(p - way, TIME * 0.8), second = ruling(p + way, -TIME * 0.6);
    vec3 dark = vec3(0.015, 0.012, 0.03), paper = vec3(0.97, 0.94, 0.88);
    vec3 light = negative ? dark : paper;
    vec3 a = negative ? ink.rgb : ink.rgb * 0.9, b = negative ? ink2.rgb : ink2.rgb * 0.9;
    if (negative) {
        light += a * first + b * second;
    } else {
        // Two inks on paper: where both are, it is nearly black.
        light *= mix(vec3(1.0), a, first);
        light *= mix(vec3(1.0), b, second);
    }
    gl_FragColor = vec4(min(light, 1.0), 1.0);
}
