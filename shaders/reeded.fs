/*{
    "ISFVSN": "2",
    "DESCRIPTION": "A pane of reeded glass before the picture, with light in its ribs",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Distortion"],
    "INPUTS": [
        {"NAME": "inputImage", "TYPE": "image"},
        {"NAME": "ribs", "TYPE": "float", "LABEL": "Ribs", "MIN": 4.0, "MAX": 60.0, "DEFAULT": 22.0},
        {"NAME": "depth", "TYPE": "float", "LABEL": "Depth", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.55},
        {"NAME": "angle", "TYPE": "float", "LABEL": "Angle", "MIN": -1.0, "MAX": 1.0, "DEFAULT": 0.12},
        {"NAME": "fringe", "TYPE": "float", "LABEL": "Fringe", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35},
        {"NAME": "sway", "TYPE": "float", "LABEL": "Sway", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.4}
    ]
}*/

vec3 seen(vec2 at) {
    return IMG_NORM_PIXEL(inputImage, 1.0 - abs(1.0 - mod(at, 2.0))).rgb;
}

// The picture through the pane, where the rib's coordinate is `rib`: 0 to 1 from one joint to the next.
vec3 through(float rib, vec2 across, float aspect) {
    float x = 2.0 * fract(rib) - 1.0;
    // A cylinder: its slope bends the view, most at its edges.
    float slope = x / sqrt(1.15 - x * x);
    vec2 to = -across * depth * 0.9 * slope / ribs * vec2(1.0, aspect);
    vec2 apart = across * fringe * depth * 0.3 * slope / ribs * vec2(1.0, aspect);
    vec2 here = isf_FragNormCoord + to;
    vec3 light = vec3(seen(here - apart).r, seen(here).g, seen(here + apart).b);
    // One light from the left: a streak on each rib, as bright as what stands behind it, and a dark joint.
    float shine = pow(max(1.0 - abs(x + 0.45), 0.0), 6.0);
    float joint = 1.0 - 0.65 * depth * smoothstep(0.7, 1.0, abs(x));
    return light * joint * (1.0 + 0.12 * depth) + depth * shine * (0.03 + 0.4 * seen(isf_FragNormCoord - 3.0 * to));
}

void main() {
    float aspect = RENDERSIZE.x / RENDERSIZE.y, turn = angle * 1.5707963;
    vec2 p = (isf_FragNormCoord - 0.5) * vec2(aspect, 1.0);
    vec2 across = vec2(cos(turn), sin(turn));
    // The pane bends and drifts slowly: the ribs breathe and never jump.
    float wave = 0.035 * sway * sin(TIME * 0.37 + 2.1 * dot(p, vec2(-across.y, across.x)));
    float rib = (dot(p, across) + wave + 0.04 * sway * TIME) * ribs / aspect;
    // Four samples a pixel, across: from joint to joint the view jumps, and that edge is to be smooth.
    float step = ribs / RENDERSIZE.x;
    vec3 light = vec3(0.0);
    for (int i = 0; i < 4; ++i) light += 0.25 * through(rib + (float(i) - 1.5) / 4.0 * step, across, aspect);
    gl_FragColor = vec4(light, 1.0);
}
