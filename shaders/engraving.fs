/*{
    "ISFVSN": "2",
    "DESCRIPTION": "The picture as an engraving: lines that swell with its light and climb over it",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Stylize"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "lines", "TYPE": "float", "LABEL": "Lines", "MIN": 16.0, "MAX": 120.0, "DEFAULT": 56.0},
        {"NAME": "climb", "TYPE": "float", "LABEL": "Climb", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35},
        {"NAME": "angle", "TYPE": "float", "LABEL": "Angle", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.15},
        {"NAME": "ink", "TYPE": "float", "LABEL": "Ink", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.6},
        {"NAME": "paper", "TYPE": "color", "LABEL": "Paper", "DEFAULT": [0.02, 0.02, 0.045, 1.0]}
    ]
}*/

float light_of(vec3 colour) {
    return dot(colour, vec3(0.299, 0.587, 0.114));
}

vec3 seen(vec2 at) {
    return IMG_NORM_PIXEL(inputImage, clamp(at, 0.0, 1.0)).rgb;
}

// The picture, a little softer than a line is wide: a line has one brightness across.
vec3 soft(vec2 at, vec2 e) {
    return 0.25 * (seen(at + e) + seen(at - e) + seen(at + vec2(e.x, -e.y)) + seen(at + vec2(-e.x, e.y)));
}

void main() {
    float aspect = RENDERSIZE.x / RENDERSIZE.y, turn = angle * 1.5707963;
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);
    vec2 across = vec2(-sin(turn), cos(turn));
    vec2 e = vec2(0.3 / lines / aspect, 0.3 / lines);
    vec3 colour = soft(isf_FragNormCoord, e);
    float light = light_of(colour);
    float height = light_of(soft(isf_FragNormCoord, 4.0 * e));
    float line = dot(p, across) * lines - climb * 3.0 * height + 0.15 * TIME;
    // How much of a line a pixel spans: where lines crowd, they melt into an even tone and do not shimmer.
    float span = clamp(length(vec2(dFdx(line), dFdy(line))), 0.02, 4.0);
    float from = abs(fract(line) - 0.5) * 2.0; // 1 on the line, 0 between two
    float width = clamp(0.06 + 0.94 * pow(light, 0.8), 0.0, 1.0);
    float drawn = smoothstep(-span, span, from - (1.0 - width)) * smoothstep(0.02, 0.1, light);
    drawn = mix(drawn, width * smoothstep(0.02, 0.1, light), smoothstep(0.5, 1.0, span));
    vec3 pure = colour / max(max(colour.r, max(colour.g, colour.b)), 0.04);
    vec3 stroke = mix(colour, pure * (0.35 + 0.65 * sqrt(light)), ink);
    gl_FragColor = vec4(mix(paper.rgb, stroke, drawn), 1.0);
}
