// What both ways of multiplying share: coordinates, activations, colour, the store, and the interpolation of weights.

#define SIN 0
#define COS 1
#define GAUSS 2
#define TANH 3

// x - 2 pi rint(x / 2 pi), within pi (1 + 2^-20) for |x| < 2^24. 1.5 x 2^23 rounds to an integer in one addition. 2 pi as a
// float is off by 2.8e-8 of itself: less than the rounding of x, so a second term would buy nothing.
DEVICE float reduced(float x) {
    float turns = sum_of_product(x, 0.15915494309189535f, 12582912.0f) - 12582912.0f;
    return sum_of_product(turns, -6.283185307179586f, x);
}

template <int KIND> DEVICE float activate(float z) {
    if (KIND == SIN) return fast_sin(reduced(z));
    if (KIND == COS) return fast_cos(reduced(z));
    if (KIND == GAUSS) {
        float s = z * 1.2011224087864498f;  // sqrt(log2 e)
        return fast_exp2(-s * s);
    }
#if EXACT_TANH
    return 1.0f - 2.0f * fast_reciprocal(1.0f + fast_exp2(z * 2.8853900817779268f));
#else
    return fast_tanh(z);
#endif
}

DEVICE float sigmoid(float z) { return fast_reciprocal(1.0f + fast_exp2(z * -1.4426950408889634f)); }
DEVICE float power(float x, float exponent) { return fast_exp2(exponent * fast_log2(x)); }

// kernels/common/colour.glsl
DEVICE float to_linear(float s) {
    return s <= 0.04045f ? s * (1.0f / 12.92f) : power((s + 0.055f) * (1.0f / 1.055f), 2.4f);
}

DEVICE float to_srgb(float linear) {
    float x = fminf(fmaxf(linear, 0.0f), 1.0f);
    return x <= 0.0031308f ? 12.92f * x : 1.055f * power(x, 1.0f / 2.4f) - 0.055f;
}

// The spatial inputs of pixel `index` of what is painted, counted row by row.
DEVICE void coordinates(const Frame* frame, const float* view, int index, float (&inputs)[SPATIAL]) {
    const int kinds[SPATIAL] = {SPATIAL_CODES};
    int row = index / frame->width;
    int column = index - row * frame->width;
    float gx = ((float)(column + frame->offset_x) + 0.5f - frame->half_width) * frame->unit;
    float gy = (frame->half_height - (float)(row + frame->offset_y) - 0.5f) * frame->unit;
    float x = sum_of_product(view[0], gx, sum_of_product(-view[1], gy, view[2]));
    float y = sum_of_product(view[1], gx, sum_of_product(view[0], gy, view[3]));
    float radius = sqrtf(x * x + y * y);
    float safe = fmaxf(radius, 1e-6f);
    float ux = x / safe, uy = y / safe;
#pragma unroll
    for (int i = 0; i < SPATIAL; ++i) {
        int kind = kinds[i];
        float px = x, py = y;
#pragma unroll
        for (int turn = 1; turn < kind / 2 - 2; ++turn) {
            float next = px * ux - py * uy;
            py = px * uy + py * ux;
            px = next;
        }
        inputs[i] = kind == 0 ? x : kind == 1 ? y : kind == 2 ? radius : kind == 3 ? fabsf(x) : kind == 4 ? fabsf(y)
                  : kind % 2 == 0 ? px : py;
    }
}

// Takes in one deck's colour (sRGB): kept as it is, or added up in linear light by a pair.
DEVICE void mix(const Frame* frame, int deck, const float (&z)[3], float (&colour)[3]) {
    float gain = deck == 0 ? frame->gain_a : frame->gain_b;
#pragma unroll
    for (int c = 0; c < 3; ++c) {
        float s = sigmoid(z[c]);
        if (DECKS == 1) colour[c] = s;
        else colour[c] = sum_of_product(gain, to_linear(s), deck == 0 ? 0.0f : colour[c]);
    }
}

// kernels/common/dither.glsl, at the same place of the picture: y counts upwards there.
DEVICE float dither_noise(const Frame* frame, int column, int row) {
    float shift = 5.588238f * frame->seed;
    float x = (float)(column + frame->offset_x) + 0.5f + shift;
    float y = 2.0f * frame->half_height - (float)(row + frame->offset_y) - 0.5f + shift;
    float f = x * 0.06711056f + y * 0.00583715f;
    f = 52.9829189f * (f - floorf(f));
    return f - floorf(f) - 0.5f;
}

DEVICE void store(const Frame* frame, unsigned char* out, int index, const float (&colour)[3]) {
    int row = index / frame->width;
    int column = index - row * frame->width;
    float noise = frame->dither == 0.0f ? 0.0f : frame->dither * dither_noise(frame, column, row);
    unsigned packed = 0xff000000u;
#pragma unroll
    for (int c = 0; c < 3; ++c) {
        float s = DECKS == 1 ? colour[c] : to_srgb(colour[c]);
        float level = fminf(fmaxf(sum_of_product(s, 255.0f, noise), 0.0f), 255.0f);  // fmaxf(NaN, 0) is 0
        packed |= (unsigned)(level + 0.5f) << (8 * c);
    }
    *(unsigned*)(out + (long long)row * frame->pitch + 4 * column) = packed;
}

// Packed weights between a and b by frame->blend: one thread a word, FLOAT_WORDS of float32, then pairs of halves.
extern "C" __global__ void ENTRY_LERP(const Frame* frame, const unsigned* a, const unsigned* b, unsigned* out) {
    int word = blockIdx.x * blockDim.x + threadIdx.x;
    if (word >= WEIGHT_WORDS) return;
    float t = frame->blend;
    if (word < FLOAT_WORDS) {
        float x = ((const float*)a)[word], y = ((const float*)b)[word];
        ((float*)out)[word] = sum_of_product(t, y - x, x);
    } else {
        float x0, x1, y0, y1;
        unpack_halves(a[word], x0, x1);
        unpack_halves(b[word], y0, y1);
        out[word] = pack_halves(sum_of_product(t, y0 - x0, x0), sum_of_product(t, y1 - x1, x1));
    }
}
