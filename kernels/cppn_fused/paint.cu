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

// kernels/cppn/projection.py
#define PI 3.141592653589793f
#define TUNNEL 11.309733552923255f  // 3.6 pi
#define TUNNEL_END 0.6f
#define FLOOR PI
#define FLOOR_END 0.35f
#define FLOOR_DEPTH 2.199114857512855f  // 0.7 pi
#define RADIUS2 5.116402921524723f  // (0.72 pi)^2
#define MIDDLE 1e-3f
#define RIM 1e-6f
#define TINY 1e-12f

DEVICE float fold_back(float v) {
    float turns = v * 0.07957747154594767f - 0.25f;
    return fabsf((turns - floorf(turns)) * (4.0f * PI) - 2.0f * PI) - PI;
}

DEVICE float beyond(float x, float y) {
    float m = (y - x) * fast_reciprocal(y + x + TINY);
    float q = m * m;
    return m * (0.99986633f + q * (-0.33030479f + q * (0.1801593f + q * (-0.08515635f + q * 0.02084511f))));
}

DEVICE float angle_of(float y, float x) {
    float up = fabsf(y);
    return (0.25f * PI + beyond(x, up)) * (y * fast_reciprocal(up + TINY));
}

struct Place { float x, y; };

// Whether a row asks anew if the plane is flat. Where the assembler keeps the answer, kernels that carry few rows or none spill 24
// to 136 bytes a thread to make room for one block more; where it does not, 128-wide ones that accumulate in fp32 spill 84.
#if EXACT_TANH || M_TILES == 1
#define ASKED volatile
#else
#define ASKED
#endif

// Where the network is asked for a point of the plane. `projection`: four weights, what is left of the plane, the travel.
// Reciprocals, not divisions: an exact division is a call, around which 128-wide kernels spill 88 bytes a thread.
DEVICE Place project(const float* projection, float x, float y) {
    float plain = projection[4], shift = projection[5];
    float u = plain * x, v = plain * y;
    if (projection[0] > 0.0f) {
        float up = fabsf(y);
        float along = PI - fabsf(4.0f * beyond(fabsf(x), up));
        u += projection[0] * (along * (y * fast_reciprocal(up + TINY)));
        v += projection[0] * fold_back(TUNNEL * fast_reciprocal(sqrtf(x * x + y * y) + TUNNEL_END) + shift);
    }
    if (projection[1] > 0.0f) {
        float scale = FLOOR * fast_reciprocal(fabsf(y) + FLOOR_END);
        u += projection[1] * fold_back(x * scale);
        v += projection[1] * fold_back(FLOOR_DEPTH * scale + shift);
    }
    if (projection[2] > 0.0f) {
        float across = RADIUS2 - y * y;
        float z2 = across - x * x;
        float longitude = angle_of(x, sqrtf(fmaxf(z2, RIM)));
        float latitude = angle_of(y, sqrtf(fmaxf(across, RIM)));
        u += projection[2] * (z2 > 0.0f ? fold_back(2.0f * longitude + shift) : x);
        v += projection[2] * (z2 > 0.0f ? 2.0f * latitude : y);
    }
    if (projection[3] > 0.0f) {
        float depth = 0.6931471805599453f * fast_log2(x * x + y * y + MIDDLE) - shift;
        float side = fabsf(x);
        float angle = PI - (PI - 2.0f * angle_of(y, side)) * ((x + TINY) * fast_reciprocal(side + TINY));
        u += projection[3] * fold_back(angle + depth);
        v += projection[3] * fold_back(angle - depth);
    }
    return {u, v};
}

// The spatial inputs of pixel `index` of what is painted, counted row by row.
DEVICE void coordinates(const Frame* frame, int deck, int index, float (&inputs)[SPATIAL]) {
    const int kinds[SPATIAL] = {SPATIAL_CODES};
    int row = index / frame->width;
    int column = index - row * frame->width;
    float gx = ((float)(column + frame->offset_x) + 0.5f - frame->half_width) * frame->unit;
    float gy = (frame->half_height - (float)(row + frame->offset_y) - 0.5f) * frame->unit;
    const float* view = deck == 0 ? frame->view_a : frame->view_b;
    float x = sum_of_product(view[0], gx, sum_of_product(-view[1], gy, view[2]));
    float y = sum_of_product(view[1], gx, sum_of_product(view[0], gy, view[3]));
    const float* projection = deck == 0 ? frame->projection_a : frame->projection_b;
    if (((const ASKED float*)projection)[4] < 1.0f) {
        Place place = project(projection, x, y);
        x = place.x;
        y = place.y;
    }
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

// Exactly x at 0 and y at 1.
DEVICE float between(float x, float y, float t) { return sum_of_product(t, y, sum_of_product(-t, x, x)); }

// Packed weights between a and b by frame->blend: one thread a word, FLOAT_WORDS of float32, then pairs of halves.
extern "C" __global__ void ENTRY_LERP(const Frame* frame, const unsigned* a, const unsigned* b, unsigned* out) {
    int word = blockIdx.x * blockDim.x + threadIdx.x;
    if (word >= WEIGHT_WORDS) return;
    float t = frame->blend;
    if (word < FLOAT_WORDS) {
        float x = ((const float*)a)[word], y = ((const float*)b)[word];
        ((float*)out)[word] = between(x, y, t);
    } else {
        float x0, x1, y0, y1;
        unpack_halves(a[word], x0, x1);
        unpack_halves(b[word], y0, y1);
        out[word] = pack_halves(between(x0, y0, t), between(x1, y1, t));
    }
}
