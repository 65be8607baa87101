// sRGB transfer functions (IEC 61966-2-1), exact so that a picture that passes through unchanged comes out within 1/255.

vec3 to_srgb(vec3 linear) {
    vec3 x = clamp(linear, 0.0, 1.0);
    return mix(1.055 * pow(x, vec3(1.0 / 2.4)) - 0.055, 12.92 * x, lessThanEqual(x, vec3(0.0031308)));
}

vec3 to_linear(vec3 srgb) {
    return mix(pow((srgb + 0.055) / 1.055, vec3(2.4)), srgb / 12.92, lessThanEqual(srgb, vec3(0.04045)));
}

float luminance(vec3 linear) {
    return dot(linear, vec3(0.2126, 0.7152, 0.0722));
}

// Light above white turns white as it does on film; up to white, exact.
vec3 to_white(vec3 light) {
    float peak = max(light.r, max(light.g, light.b));
    if (peak <= 1.0) return light;
    float over = (peak - 1.0) * (peak - 1.0); // squared: no edge is seen where white begins
    return mix(light / peak, vec3(1.0), over / (over + 2.0));
}
