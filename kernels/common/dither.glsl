// Interleaved gradient noise (Jimenez 2014), -0.5..0.5: neighbours differ most, so the steps of a gradient vanish.
// seed: of the frame, small (large ones lose the bits of the fraction).

float dither_noise(float seed) {
    vec2 pixel = gl_FragCoord.xy + 5.588238 * seed;
    return fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715)))) - 0.5;
}
