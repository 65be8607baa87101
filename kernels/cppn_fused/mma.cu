// One warp paints 32 pixels (16 above a width of 128). Activations never leave the registers: the accumulators of a layer
// are, register for register, the A operand of the next one. Weights come in the order of fragments, one 128-bit load a lane
// for 16 x 16 of them. All warps of a block take part in every step, also those beyond the last pixel, whose pixels
// are computed and not stored: mma and the barriers need every lane.

#define TILES (WIDTH / 16)
#define ROWS (2 * M_TILES)  // of the picture a lane holds features of
#define WARPS (BLOCK / 32)
#define AT_ONCE (M_TILES == 2 ? 1 : 2)  // n16 tiles in flight: four independent chains of mma either way

#if ACC32
typedef float4 Quad;  // a lane's four features of a bias
typedef float Accumulator[4];
DEVICE void start(float (&d)[4], const Quad& bias, int n8) {
    d[0] = d[2] = n8 == 0 ? bias.x : bias.z;
    d[1] = d[3] = n8 == 0 ? bias.y : bias.w;
}
template <int KIND> DEVICE unsigned activated(const float (&d)[4], int reg) {
    return pack_halves(activate<KIND>(d[2 * reg]), activate<KIND>(d[2 * reg + 1]));
}
#else
typedef uint2 Quad;
typedef unsigned Accumulator[2];
DEVICE void start(unsigned (&d)[2], const Quad& bias, int n8) { d[0] = d[1] = n8 == 0 ? bias.x : bias.y; }
template <int KIND> DEVICE unsigned activated(const unsigned (&d)[2], int reg) {
    float low, high;
    unpack_halves(d[reg], low, high);
    return pack_halves(activate<KIND>(low), activate<KIND>(high));
}
#endif

typedef unsigned Fragments[M_TILES][TILES][4];

template <int KIND>
DEVICE void first(int lane, const float4* weights, const float4* biases, const float (&inputs)[ROWS][SPATIAL], Fragments& out) {
#pragma unroll
    for (int k = 0; k < TILES; ++k) {
        if (k % 2 == 0) in_order();
        float4 bias = biases[QUAD_AT(k, lane)];
        float4 z[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; ++r) z[r] = bias;
#pragma unroll
        for (int s = 0; s < SPATIAL; ++s) {
            float4 w = weights[s * TILES * 4 + QUAD_AT(k, lane)];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                z[r].x = sum_of_product(w.x, inputs[r][s], z[r].x);
                z[r].y = sum_of_product(w.y, inputs[r][s], z[r].y);
                z[r].z = sum_of_product(w.z, inputs[r][s], z[r].z);
                z[r].w = sum_of_product(w.w, inputs[r][s], z[r].w);
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            out[r / 2][k][C_TO_A(0, r % 2)] = pack_halves(activate<KIND>(z[r].x), activate<KIND>(z[r].y));
            out[r / 2][k][C_TO_A(1, r % 2)] = pack_halves(activate<KIND>(z[r].z), activate<KIND>(z[r].w));
        }
    }
}

template <int KIND>
DEVICE void hidden(int lane, const uint4* weights, const Quad* biases, const Fragments& in, Fragments& out) {
#pragma unroll
    for (int n = 0; n < TILES; n += AT_ONCE) {
        if (n % 4 == 0) in_order();
        // Warps that stay within this many tiles of one another find each other's weights in the L1 cache.
        if (MEETING(n)) barrier();
        Accumulator sum[AT_ONCE][M_TILES][2];
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i) {
            Quad bias = biases[QUAD_AT(n + i, lane)];
#pragma unroll
            for (int m = 0; m < M_TILES; ++m) {
                start(sum[i][m][0], bias, 0);
                start(sum[i][m][1], bias, 1);
            }
        }
#pragma unroll
        for (int k = 0; k < TILES; ++k) {
#pragma unroll
            for (int i = 0; i < AT_ONCE; ++i) {
                uint4 b = weights[TILE_AT(n + i, k, TILES, lane)];
#pragma unroll
                for (int m = 0; m < M_TILES; ++m) {
                    mma(sum[i][m][0], in[m][k], b.x, b.y);
                    mma(sum[i][m][1], in[m][k], b.z, b.w);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < AT_ONCE; ++i)
#pragma unroll
            for (int m = 0; m < M_TILES; ++m)
#pragma unroll
                for (int reg = 0; reg < 2; ++reg) {
                    out[m][n + i][C_TO_A(0, reg)] = activated<KIND>(sum[i][m][0], reg);
                    out[m][n + i][C_TO_A(1, reg)] = activated<KIND>(sum[i][m][1], reg);
                }
    }
}

// Red, green, blue before the sigmoid, of the one row whose pixel this lane stores. Accumulates in fp32 in every variant: it
// is a fortieth of the work.
DEVICE void last(int lane, const uint4* weights, const float4* bias, const Fragments& in, float (&z)[3]) {
    in_order();
    float sum[M_TILES][2][4];
    float4 b = *bias;
#pragma unroll
    for (int m = 0; m < M_TILES; ++m) {
        sum[m][0][0] = sum[m][0][2] = b.x;
        sum[m][0][1] = sum[m][0][3] = b.y;
        sum[m][1][0] = sum[m][1][2] = b.z;
        sum[m][1][1] = sum[m][1][3] = 0.0f;
    }
#pragma unroll
    for (int k = 0; k < TILES; ++k) {
        uint4 w = weights[TILE_AT(0, k, TILES, lane)];
#pragma unroll
        for (int m = 0; m < M_TILES; ++m) {
            mma(sum[m][0], in[m][k], w.x, w.y);
            mma(sum[m][1], in[m][k], w.z, w.w);
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
        if (r == 0 || MEMBER(lane) == r) {
            z[0] = sum[r / 2][0][2 * (r % 2)];
            z[1] = sum[r / 2][0][2 * (r % 2) + 1];
            z[2] = sum[r / 2][1][2 * (r % 2)];
        }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    ENTRY_PAINT(const Frame* frame, const unsigned char* weights_a, const unsigned char* weights_b, unsigned char* out) {
    const int lane = threadIdx.x % 32;
    const int pixels = frame->width * frame->height;
    for (int start = blockIdx.x * BLOCK_PIXELS; start < pixels; start += gridDim.x * BLOCK_PIXELS) {
        const int base = start + (threadIdx.x / 32) * 16 * M_TILES;
        float colour[3];
#pragma unroll 1
        for (int deck = 0; deck < DECKS; ++deck) {
            const unsigned char* weights = deck == 0 ? weights_a : weights_b;
            const float4* biases = (const float4*)(frame + 1) + deck * (WIDTH / 4);
            Fragments even, odd;
            {
                float inputs[ROWS][SPATIAL];
#pragma unroll
                for (int r = 0; r < ROWS; ++r) coordinates(frame, deck, min(base + PIXEL(lane, r), pixels - 1), inputs[r]);
                first<ACTIVATION_0>(lane, (const float4*)(weights + AT_w0), biases, inputs, even);
            }
            HIDDEN_LAYERS
            float z[3];
            last(lane, (const uint4*)(weights + AT_out), (const float4*)(weights + AT_out_bias), LAST_FRAGMENTS, z);
            mix(frame, deck, z, colour);
        }
        const int row = MEMBER(lane);
        const int index = base + PIXEL(lane, row);
        if (row < ROWS && index < pixels) store(frame, out, index, colour);
    }
}
