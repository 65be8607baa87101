/*{
    "ISFVSN": "2",
    "DESCRIPTION": "Cuts the picture into bands that slip, with the colours a step apart",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Glitch"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "bands", "TYPE": "float", "LABEL": "Bands", "MIN": 2.0, "MAX": 60.0, "DEFAULT": 18.0},
        {"NAME": "slip", "TYPE": "float", "LABEL": "Slip", "MIN": 0.0, "MAX": 0.5, "DEFAULT": 0.12},
        {"NAME": "fringe", "TYPE": "float", "LABEL": "Fringe", "MIN": 0.0, "MAX": 0.05, "DEFAULT": 0.008},
        {"NAME": "upright", "TYPE": "bool", "LABEL": "Upright", "DEFAULT": false}
    ]
}*/

float chance(float n) {
    return fract(sin(n * 91.3458) * 47453.5453);
}

void main() {
    vec2 p = isf_FragNormCoord;
    float across = upright ? p.x : p.y;
    float band = floor(across * floor(bands));
    float beat = floor(TIME * 3.0);
    float held = smoothstep(0.0, 0.25, fract(TIME * 3.0));
    float before = chance(band + 17.0 * (beat - 1.0)) - 0.5, after = chance(band + 17.0 * beat) - 0.5;
    float way = 2.0 * slip * mix(before * abs(before), after * abs(after), held) * 2.0;
    vec2 shift = upright ? vec2(0.0, way) : vec2(way, 0.0);
    vec2 step = (upright ? vec2(0.0, fringe) : vec2(fringe, 0.0)) * sign(way);
    vec2 at = 1.0 - abs(1.0 - mod(p + shift, 2.0));
    vec4 middle = IMG_NORM_PIXEL(inputImage, at);
    vec4 ahead = IMG_NORM_PIXEL(inputImage, at + step), behind = IMG_NORM_PIXEL(inputImage, at - step);
    gl_FragColor = vec4(ahead.r, middle.g, behind.b, middle.a);
}
