/*{
    "ISFVSN": "2",
    "DESCRIPTION": "The next picture opens like a fan, blade by blade",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Wipe"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0},
        {"NAME": "blades", "TYPE": "float", "LABEL": "Blades", "MIN": 1.0, "MAX": 24.0, "DEFAULT": 9.0}
    ]
}*/

void main() {
    vec2 p = (isf_FragNormCoord - vec2(0.5, -0.2)) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float a = atan(p.x, p.y) / 2.2 + 0.5;
    float n = floor(blades);
    float blade = clamp(floor(a * n), 0.0, n - 1.0);
    float open = clamp(progress * 2.0 - blade / n, 0.0, 1.0);
    float pixel = 1.5 * n / (2.2 * max(length(p), 0.05) * RENDERSIZE.y);
    float shown = smoothstep(-pixel, pixel, open - fract(a * n)) * step(0.001, open);
    shown = mix(shown, 1.0, step(0.999, open));
    gl_FragColor = mix(IMG_THIS_PIXEL(startImage), IMG_THIS_PIXEL(endImage), progress >= 1.0 ? 1.0 : shown);
}
