// Reading pictures: linear light, premultiplied. Whatever comes in, what is read is finite, so that one bad pixel
// of a network cannot live on in a history: NaN is black, infinity is LIGHT_MAX, negative light is none.

const float LIGHT_MAX = 16384.0; // 14 stops above white; leaves a factor of 4 below the end of half floats

vec4 finite(vec4 x) {
    x = mix(x, vec4(0.0), isnan(x));
    return clamp(x, vec4(0.0), vec4(vec3(LIGHT_MAX), 1.0));
}

// At any place, bilinear.
vec4 read(sampler2D source, vec2 at) {
    return finite(texture(source, at));
}

// Light without alpha: what a picture that is half there would be if it were all there.
vec3 straight(vec4 premultiplied) {
    return min(premultiplied.rgb / max(premultiplied.a, 1e-4), vec3(LIGHT_MAX));
}

// Mirrored repeat: places outside of the picture fold back into it without a seam.
vec2 fold(vec2 at) {
    return 1.0 - abs(1.0 - (at - 2.0 * floor(at * 0.5)));
}

// Picture coordinates with square pixels: origin in the middle, y from -0.5 to 0.5 and upwards.
vec2 centred(vec2 at, float aspect) {
    return (at - 0.5) * vec2(aspect, 1.0);
}

vec2 uncentred(vec2 p, float aspect) {
    return p / vec2(aspect, 1.0) + 0.5;
}
