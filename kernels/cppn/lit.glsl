// What light comes back from the depth: `lit` of `projection.py`. Fog, the shading of the ball, and an end to everything
// before its pattern becomes finer than pixels: nothing shimmers that is not seen.

#include "cppn/projection.glsl"

uniform float fog;      // 0..1
uniform vec3 far_light; // linear; what shines at the far end
uniform float pixel;    // what a pixel spans of the flat plane
uniform float texel;    // what one of a decoded picture spans of it, 0 for a CPPN

float smooth_step(float t) {
    t = clamp(t, 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
}

vec3 lit(vec3 light, vec2 p) {
    if (is_flat()) return light;
    float r = sqrt(dot(p, p) + MIDDLE), h = abs(p.y) + FLOOR_END;
    float scale = FLOOR / h;
    float z = sqrt(max(RADIUS2 - dot(p, p), RIM)) / RADIUS;
    float across = max(RADIUS2 - p.y * p.y, RIM), askew = p.x * p.y / across;
    bool inside = dot(p, p) < RADIUS2;
    float lamp = max(0.65 * z + (0.55 * p.y - 0.45 * p.x) / RADIUS, 0.0);
    float beside = max(r - RADIUS, 0.0);
    vec4 finer = vec4(max(4.0 / r, TUNNEL / ((r + TUNNEL_END) * (r + TUNNEL_END))),
                      scale / h * sqrt(h * h + FLOOR_DEPTH * FLOOR_DEPTH + p.x * p.x),
                      inside ? min(2.0 / (z * RADIUS) * sqrt(1.0 + askew * askew + z * z * RADIUS2 / across), 60.0) : 1.0,
                      sqrt(8.0) / r);
    float near = max(1.145 - log(r), 0.0) * 0.5; // log pi
    vec4 left = vec4(exp(-fog * pow(0.8 / r, 1.5)),
                     exp(-fog * pow(0.8 / h, 1.5)),
                     inside ? smooth_step(z / 0.6) * (0.12 + lamp) : exp(-2.4 * fog) * (1.0 - exp(-beside * beside / 2.4649)),
                     exp(-fog * near * near));
    vec4 behind = vec4(exp(-r / 0.3), exp(-abs(p.y) / 0.15), inside ? pow(1.0 - z, 5.0) : exp(-beside / 0.45),
                       exp(-r / 0.25));
    vec4 w = weights_of_kinds;
    float plain = plain_and_shift.x;
    float fine = texel > 0.0 ? 0.6 * texel : 0.045, finest = texel > 0.0 ? 2.5 * texel : 0.25;
    float low = max(fine, pixel), high = max(finest, 4.0 * pixel); // the flat plane is never faded
    float seen = 1.0 - smooth_step(log2(pixel * (plain + dot(w, finer)) / low) / log2(high / low));
    float outline = 1.0 - min(1.0, 4.0 * w.z) * (1.0 - smooth_step(abs(r - RADIUS) / (3.0 * pixel))); // the places jump there
    return light * seen * outline * (plain + dot(w, left)) + far_light * dot(w, behind);
}
