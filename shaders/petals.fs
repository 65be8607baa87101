/*{
    "ISFVSN": "2",
    "DESCRIPTION": "The next picture opens like a flower, one wreath of petals above the other",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Wipe"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0},
        {"NAME": "petals", "TYPE": "float", "LABEL": "Petals", "MIN": 3.0, "MAX": 16.0, "DEFAULT": 7.0},
        {"NAME": "turn", "TYPE": "float", "LABEL": "Turn", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.45}
    ]
}*/

const float WREATHS = 4.0;

void main() {
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);
    float r = length(p), corner = 0.5 * length(vec2(aspect, 1.0)), pixel = 1.0 / RENDERSIZE.y;
    float n = floor(petals), half_angle = 3.14159265 / n;
    vec4 shown = IMG_THIS_PIXEL(startImage);
    for (float i = 0.0; i < WREATHS; i += 1.0) {
        // The first wreath leads; the last one is through at the very end, and with it every bend of the picture is gone.
        float open = clamp((progress - 0.07 * i) / (1.0 - 0.07 * (WREATHS - 1.0)), 0.0, 1.0);
        float a = atan(p.x, p.y) + turn * (1.0 - open) * (1.0 + 0.4 * i) + half_angle * i;
        float in_petal = mod(a, 2.0 * half_angle) / half_angle - 1.0; // -1 to 1 across a petal
        // A round tip over a narrow foot; the tip flattens as it grows, so that the valleys reach the corners as well.
        float tip = sqrt(max(1.0 - in_petal * in_petal, 0.0));
        float deep = 0.6 * (1.0 - open * open * open);
        float reach = 1.06 * corner * open * (0.8 + 0.2 * open * open);
        float edge = reach * (1.0 - deep + deep * tip);
        float slope = reach * deep * in_petal / max(tip, 0.12) / half_angle;
        float away = max((r - edge) / sqrt(1.0 + slope * slope / max(r * r, 1e-4)), r - reach);
        float inside = smoothstep(pixel, -pixel, away) * step(1e-4, open);
        float left = (1.0 - open) * smoothstep(0.0, 0.08, open);
        // Below the wreath lies its shadow, along its rim a thin light, and its own picture is a little nearer than the next.
        shown.rgb *= 1.0 - 0.55 * left * exp(-max(away, 0.0) / (0.045 + 0.03 * open)) * (1.0 - inside);
        vec2 nearer = p * (1.0 - 0.3 * left) + 0.03 * left * vec2(cos(a), sin(a)) * sin(3.14159265 * in_petal);
        vec4 seen = IMG_NORM_PIXEL(endImage, clamp(nearer / vec2(aspect, 1.0) + 0.5, 0.0, 1.0));
        float fold = 1.0 - left * (0.5 * smoothstep(0.3, 1.0, abs(in_petal)) + 0.28 * smoothstep(0.5, 0.0, r / max(edge, 1e-3)));
        float rim = left * smoothstep(0.014, 0.002, abs(away + 0.006)) * (1.0 - smoothstep(0.86, 0.99, abs(in_petal)));
        seen.rgb = seen.rgb * fold + 0.4 * rim * (0.06 + seen.rgb);
        shown = mix(shown, seen, inside);
    }
    gl_FragColor = shown;
}
