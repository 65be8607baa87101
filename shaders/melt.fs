/*{
    "ISFVSN": "2",
    "DESCRIPTION": "The picture melts: what is bright runs down first, and the next one comes through",
    "CREDIT": "The Phosphene developers",
    "CATEGORIES": ["Dissolve"],
    "INPUTS": [
        {"NAME": "startImage", "TYPE": "image"},
        {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.0},
        {"NAME": "run", "TYPE": "float", "LABEL": "Run", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.55},
        {"NAME": "grain", "TYPE": "float", "LABEL": "Grain", "MIN": 0.0, "MAX": 1.0, "DEFAULT": 0.4}
    ],
    "PASSES": [
        {"TARGET": "faint", "WIDTH": "96", "HEIGHT": "54", "FLOAT": true},
        {"TARGET": "span", "WIDTH": "1", "HEIGHT": "1", "FLOAT": true},
        {}
    ]
}*/

float chance(vec2 p) {
    return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453);
}

float noise(vec2 p) {
    vec2 cell = floor(p), at = fract(p);
    at = at * at * (3.0 - 2.0 * at);
    vec2 e = vec2(1.0, 0.0);
    return mix(mix(chance(cell), chance(cell + e), at.x), mix(chance(cell + e.yx), chance(cell + 1.0), at.x), at.y);
}

float light_of(vec3 colour) {
    return dot(colour, vec3(0.299, 0.587, 0.114));
}

// How soon a place melts, 0 to 1: by its light, so that half of it lies below the picture's mean and half above.
float soon(vec2 p) {
    vec3 ends = IMG_NORM_PIXEL(span, vec2(0.5)).rgb;
    float wide = max(ends.y - ends.x, 0.02);
    vec2 e = 0.7 / IMG_SIZE(faint);
    float sum = IMG_NORM_PIXEL(faint, p + e).r + IMG_NORM_PIXEL(faint, p - e).r;
    sum += IMG_NORM_PIXEL(faint, p + vec2(e.x, -e.y)).r + IMG_NORM_PIXEL(faint, p + vec2(-e.x, e.y)).r;
    float light = clamp((0.25 * sum - ends.x) / wide, 0.0, 1.0);
    float mean = clamp((ends.z - ends.x) / wide, 0.25, 0.8);
    light = pow(light + 0.02, log(0.5) / log(mean));
    vec2 q = p * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float ripple = noise(q * vec2(9.0, 3.5)) * 0.6 + noise(q * vec2(23.0, 9.0) + 7.0) * 0.4;
    return mix(light, ripple, 0.25 + 0.5 * grain);
}

void main() {
    vec2 p = isf_FragNormCoord;
    if (PASSINDEX == 0) {
        // A soft copy of the light: what melts are patches and no single pixels.
        float sum = 0.0;
        for (int i = 0; i < 16; ++i) {
            vec2 at = (vec2(float(i % 4), float(i / 4)) - 1.5) / vec2(96.0, 54.0);
            sum += light_of(IMG_NORM_PIXEL(startImage, p + at * 1.2).rgb);
        }
        gl_FragColor = vec4(vec3(sum / 16.0), 1.0);
        return;
    }
    if (PASSINDEX == 1) {
        vec3 ends = vec3(1.0, 0.0, 0.0);
        for (int y = 0; y < 9; ++y) {
            for (int x = 0; x < 16; ++x) {
                float light = IMG_NORM_PIXEL(faint, (vec2(float(x), float(y)) + 0.5) / vec2(16.0, 9.0)).r;
                ends = vec3(min(ends.x, light), max(ends.y, light), ends.z + light / 144.0);
            }
        }
        gl_FragColor = vec4(ends, 1.0);
        return;
    }
    // What is above has run down to here: look up along the drop for where it came from.
    const float SOFT = 0.16;
    float front = progress * (1.0 + SOFT);
    float here = front - (1.0 - soon(p));
    vec2 up = vec2(p.x, p.y + 0.22 * run * max(here + 0.12, 0.0) * smoothstep(0.0, 0.15, progress));
    float molten = front - (1.0 - soon(mix(p, up, 0.6)));
    float gone = smoothstep(0.0, SOFT, molten) * smoothstep(0.0, 0.02, progress);
    gone = mix(gone, 1.0, smoothstep(0.93, 1.0, progress));
    vec4 before = IMG_NORM_PIXEL(startImage, clamp(up + vec2(0.012 * run * sin(p.y * 41.0 + p.x * 17.0) * gone, 0.0), 0.0, 1.0));
    vec4 after = IMG_NORM_PIXEL(endImage, p);
    // At the front the old picture glows in its own colour, and lays a shadow on the one below it.
    float late = (1.0 - smoothstep(0.85, 1.0, progress)) * smoothstep(0.0, 0.08, progress);
    float rim = late * smoothstep(0.1, 0.35, gone) * smoothstep(0.65, 0.35, gone);
    float shade = late * smoothstep(1.0, 0.6, gone);
    vec3 old = before.rgb + 0.8 * rim * before.rgb * (1.0 - 0.8 * light_of(before.rgb));
    gl_FragColor = vec4(mix(old, after.rgb * (1.0 - 0.6 * shade), smoothstep(0.25, 0.75, gone)), 1.0);
}
