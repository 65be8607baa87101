/*{
    "ISFVSN": "2",
    "DESCRIPTION": "Ribbons woven over and under each other: Truchet tiles that turn in waves",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Generator", "Pattern"],
    "INPUTS": [
        {"NAME": "tiles", "TYPE": "float", "LABEL": "Tiles", "MIN": 2.0, "MAX": 14.0, "DEFAULT": 6.0},
        {"NAME": "width", "TYPE": "float", "LABEL": "Width", "MIN": 0.04, "MAX": 0.3, "DEFAULT": 0.17},
        {"NAME": "turning", "TYPE": "float", "LABEL": "Turning", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.5},
        {"NAME": "stripes", "TYPE": "bool", "LABEL": "Stripes", "DEFAULT": true},
        {"NAME": "ribbon", "TYPE": "color", "LABEL": "Ribbon", "DEFAULT": [0.98, 0.78, 0.2, 1.0]},
        {"NAME": "ground", "TYPE": "color", "LABEL": "Ground", "DEFAULT": [0.07, 0.03, 0.16, 1.0]}
    ]
}*/

float chance(vec2 p) {
    return fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453);
}

void main() {
    vec2 p = (gl_FragCoord.xy - 0.5 * RENDERSIZE) / min(RENDERSIZE.x, RENDERSIZE.y);
    float pixel = tiles / min(RENDERSIZE.x, RENDERSIZE.y);
    p = p * tiles + vec2(0.23, 0.16) * TIME;
    vec2 cell = floor(p);
    vec2 q = fract(p) - 0.5;
    // Each tile rests, then makes a quarter turn: when, its place in the wave says.
    float wave = TIME * 0.35 - length(cell - vec2(0.23, 0.16) * TIME) * 0.22 + 0.6 * chance(cell);
    float turns = floor(wave) + smoothstep(1.0 - 0.9 * turning - 0.05, 1.0, fract(wave));
    float angle = 1.57079632679 * (turns + floor(4.0 * chance(cell + 7.0)));
    float c = cos(angle), s = sin(angle);
    q = mat2(c, -s, s, c) * q;
    // Two arcs around opposite corners.
    vec2 corner = q.x + q.y > 0.0 ? vec2(0.5) : vec2(-0.5);
    vec2 r = q - corner;
    float d = abs(length(r) - 0.5);
    float along = atan(r.y, r.x) * 0.6366 + chance(cell) * 4.0;
    vec3 light = ground.rgb * (0.55 + 0.45 * smoothstep(width, width + 0.25, d));
    float over = 1.0 - smoothstep(width - pixel, width + pixel, d);
    float round = sqrt(max(0.0, 1.0 - d * d / (width * width)));
    vec3 hue = mix(ribbon.rgb, ribbon.gbr, 0.5 + 0.5 * sin(0.7 * cell.x + 0.9 * cell.y + TIME * 0.5));
    vec3 cloth = hue * (0.25 + 0.75 * round);
    if (stripes) {
        float band = abs(fract(along * 3.0 - TIME * 0.8) - 0.5) - 0.25;
        float soft = 3.0 * pixel / 0.5;
        cloth *= mix(0.28, 1.0, smoothstep(-soft, soft, band));
        float thread = abs(d - 0.62 * width);
        cloth = mix(cloth, vec3(1.0), 0.7 * (1.0 - smoothstep(0.0, 1.5 * pixel + 0.006, thread)));
    }
    light = mix(light, cloth, over);
    gl_FragColor = vec4(light, 1.0);
}
