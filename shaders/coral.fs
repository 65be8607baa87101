/*{
    "ISFVSN": "2",
    "DESCRIPTION": "Two substances that feed on each other grow labyrinths (Gray and Scott), cut out like paper",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Generator", "Simulation"],
    "INPUTS": [
        {"NAME": "feed", "TYPE": "float", "LABEL": "Feed", "MIN": 0.022, "MAX": 0.062, "DEFAULT": 0.037},
        {"NAME": "drift", "TYPE": "float", "LABEL": "Drift", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.35},
        {"NAME": "layers", "TYPE": "long", "LABEL": "Layers", "VALUES": [1, 2, 3, 4, 5, 6], "DEFAULT": 4},
        {"NAME": "paper", "TYPE": "color", "LABEL": "Paper", "DEFAULT": [0.98, 0.42, 0.32, 1.0]},
        {"NAME": "again", "TYPE": "event", "LABEL": "Sow again"}
    ],
    "PASSES": [
        {"TARGET": "soup", "WIDTH": "max($WIDTH / 2.5, 8)", "HEIGHT": "max($HEIGHT / 2.5, 8)", "PERSISTENT": true, "FLOAT": true},
        {"TARGET": "soup", "WIDTH": "max($WIDTH / 2.5, 8)", "HEIGHT": "max($HEIGHT / 2.5, 8)", "PERSISTENT": true, "FLOAT": true},
        {"TARGET": "soup", "WIDTH": "max($WIDTH / 2.5, 8)", "HEIGHT": "max($HEIGHT / 2.5, 8)", "PERSISTENT": true, "FLOAT": true},
        {"TARGET": "soup", "WIDTH": "max($WIDTH / 2.5, 8)", "HEIGHT": "max($HEIGHT / 2.5, 8)", "PERSISTENT": true, "FLOAT": true},
        {"TARGET": "soup", "WIDTH": "max($WIDTH / 2.5, 8)", "HEIGHT": "max($HEIGHT / 2.5, 8)", "PERSISTENT": true, "FLOAT": true},
        {"TARGET": "soup", "WIDTH": "max($WIDTH / 2.5, 8)", "HEIGHT": "max($HEIGHT / 2.5, 8)", "PERSISTENT": true, "FLOAT": true},
        {}
    ]
}*/

float chance(vec2 p) {
    return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453);
}

vec2 at(vec2 place) {
    return IMG_NORM_PIXEL(soup, place).rg;
}

void grow() {
    vec2 here = isf_FragNormCoord, e = 1.0 / RENDERSIZE;
    if (FRAMEINDEX == 0 || again) {
        vec2 cell = floor(gl_FragCoord.xy / 9.0);
        float seed = step(0.86, chance(cell + floor(TIME * 10.0)));
        gl_FragColor = vec4(1.0 - 0.5 * seed, 0.5 * seed, 0.0, 1.0);
        return;
    }
    vec2 c = at(here);
    vec2 spread = 0.2 * (at(here + vec2(e.x, 0.0)) + at(here - vec2(e.x, 0.0)) + at(here + vec2(0.0, e.y)) + at(here - vec2(0.0, e.y)))
        + 0.05 * (at(here + e) + at(here - e) + at(here + vec2(e.x, -e.y)) + at(here + vec2(-e.x, e.y))) - c;
    // The feed differs over the picture and in time: what grows here dies there.
    float f = feed + 0.006 * drift * sin(here.x * 5.0 + TIME * 0.4) * cos(here.y * 4.0 - TIME * 0.31);
    float k = 0.0605 - 0.003 * drift * sin(here.y * 6.0 + TIME * 0.23);
    float eaten = c.x * c.y * c.y;
    vec2 next = c + vec2(1.0, 0.5) * spread + vec2(-eaten + f * (1.0 - c.x), eaten - (f + k) * c.y);
    // A breath of seed at a wandering place keeps it from ever coming to rest.
    vec2 place = 0.5 + 0.38 * vec2(sin(TIME * 0.61), cos(TIME * 0.47));
    next.y += 0.12 * smoothstep(0.02, 0.0, length((here - place) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0)));
    gl_FragColor = vec4(clamp(next, 0.0, 1.0), 0.0, 1.0);
}

void main() {
    if (PASSINDEX < 6) {
        grow();
        return;
    }
    vec2 here = isf_FragNormCoord, e = 1.6 / IMG_SIZE(soup);
    float v = at(here).y;
    vec2 slope = vec2(at(here + vec2(e.x, 0.0)).y - at(here - vec2(e.x, 0.0)).y, at(here + vec2(0.0, e.y)).y - at(here - vec2(0.0, e.y)).y);
    float steep = max(length(slope) / 8.0, 1e-3);
    vec3 light = vec3(0.02, 0.035, 0.09);
    float count = float(layers);
    for (int i = 0; i < 6; ++i) {
        if (i >= layers) break;
        float level = 0.06 + 0.3 * float(i) / count;
        float cut = smoothstep(-0.6, 0.6, (v - level) / steep);
        float shade = smoothstep(-2.5, 1.5, (at(here + vec2(-2.0, 2.5) * e).y - level) / steep);
        float rise = (float(i) + 1.0) / count;
        vec3 sheet = mix(paper.bgr * vec3(0.6, 0.2, 0.5), paper.rgb, rise);
        sheet *= 0.82 + 0.36 * clamp(dot(normalize(vec3(-slope * 3.0, 1.0)), normalize(vec3(-0.6, 0.8, 0.6))), 0.0, 1.0);
        light = mix(light * (1.0 - 0.45 * shade * (1.0 - cut)), sheet, cut);
    }
    gl_FragColor = vec4(light, 1.0);
}
