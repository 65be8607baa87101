// Without tensor cores: a block paints BLOCK_PIXELS pixels, whose activations lie in shared memory as [feature][pixel], 32 KiB
// at every width. Each thread owns 8 features of 8 pixels: 64 sums in registers, and four 128-bit loads for 64 of their
// multiply-adds.

#define FEATURE_GROUPS (WIDTH / 8)
#define PIXELS_A_THREAD ((BLOCK_PIXELS + BLOCK - 1) / BLOCK)

DEVICE void load8(const float* from, float (&to)[8]) {
    float4 low = ((const float4*)from)[0], high = ((const float4*)from)[1];
    to[0] = low.x; to[1] = low.y; to[2] = low.z; to[3] = low.w;
    to[4] = high.x; to[5] = high.y; to[6] = high.z; to[7] = high.w;
}

template <int KIND>
DEVICE void first(const Frame* frame, int deck, int start, int last_pixel, int feature, int pixel,
                  const float* weights, const float* biases, float* activations) {
    float bias[8];
    load8(biases + feature, bias);
#pragma unroll 1  // one pixel's inputs at a time: there may be 19 of them
    for (int p = pixel; p < pixel + 8; ++p) {
        float inputs[SPATIAL], z[8];
        coordinates(frame, deck, min(start + p, last_pixel), inputs);
#pragma unroll
        for (int f = 0; f < 8; ++f) z[f] = bias[f];
#pragma unroll
        for (int s = 0; s < SPATIAL; ++s) {
            float w[8];
            load8(weights + s * WIDTH + feature, w);
#pragma unroll
            for (int f = 0; f < 8; ++f) z[f] = sum_of_product(w[f], inputs[s], z[f]);
        }
#pragma unroll
        for (int f = 0; f < 8; ++f) activations[(feature + f) * BLOCK_PIXELS + p] = activate<KIND>(z[f]);
    }
    barrier();
}

template <int KIND>
DEVICE void hidden(int feature, int pixel, const float* weights, const float* biases, float* activations) {
    float sum[8][8], bias[8];
    load8(biases + feature, bias);
#pragma unroll
    for (int f = 0; f < 8; ++f)
#pragma unroll
        for (int p = 0; p < 8; ++p) sum[f][p] = bias[f];
#pragma unroll 2
    for (int k = 0; k < WIDTH; ++k) {
        float w[8], a[8];
        load8(weights + k * WIDTH + feature, w);
        load8(activations + k * BLOCK_PIXELS + pixel, a);
#pragma unroll
        for (int f = 0; f < 8; ++f)
#pragma unroll
            for (int p = 0; p < 8; ++p) sum[f][p] = sum_of_product(w[f], a[p], sum[f][p]);
    }
    barrier();  // everyone has read: the layer may be written where its input was
#pragma unroll
    for (int f = 0; f < 8; ++f) {
        float4* to = (float4*)(activations + (feature + f) * BLOCK_PIXELS + pixel);
        const float(&z)[8] = sum[f];
        to[0] = make_float4(activate<KIND>(z[0]), activate<KIND>(z[1]), activate<KIND>(z[2]), activate<KIND>(z[3]));
        to[1] = make_float4(activate<KIND>(z[4]), activate<KIND>(z[5]), activate<KIND>(z[6]), activate<KIND>(z[7]));
    }
    barrier();
}

DEVICE void last(int pixel, const float4* weights, const float4* bias, const float* activations, float (&z)[3]) {
    z[0] = bias->x; z[1] = bias->y; z[2] = bias->z;
#pragma unroll 4
    for (int k = 0; k < WIDTH; ++k) {
        float4 w = weights[k];
        float a = activations[k * BLOCK_PIXELS + pixel];
        z[0] = sum_of_product(w.x, a, z[0]);
        z[1] = sum_of_product(w.y, a, z[1]);
        z[2] = sum_of_product(w.z, a, z[2]);
    }
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    ENTRY_PAINT(const Frame* __restrict__ frame, const unsigned char* __restrict__ weights_a,
                const unsigned char* __restrict__ weights_b, unsigned char* __restrict__ out) {
    __shared__ __align__(16) float activations[WIDTH * BLOCK_PIXELS];
    const int pixels = frame->width * frame->height;
    const int feature = threadIdx.x % FEATURE_GROUPS * 8;
    const int pixel = threadIdx.x / FEATURE_GROUPS * 8;
    for (int start = blockIdx.x * BLOCK_PIXELS; start < pixels; start += gridDim.x * BLOCK_PIXELS) {
        float colour[PIXELS_A_THREAD][3];
#pragma unroll 1
        for (int deck = 0; deck < DECKS; ++deck) {
            const unsigned char* weights = deck == 0 ? weights_a : weights_b;
            const float* biases = (const float*)(frame + 1) + deck * WIDTH;
            first<ACTIVATION_0>(frame, deck, start, pixels - 1, feature, pixel, (const float*)(weights + AT_w0), biases,
                                activations);
            HIDDEN_LAYERS
#pragma unroll
            for (int i = 0; i < PIXELS_A_THREAD; ++i) {
                int mine = threadIdx.x + i * BLOCK;
                if (mine < BLOCK_PIXELS) {
                    float z[3];
                    last(mine, (const float4*)(weights + AT_out), (const float4*)(weights + AT_out_bias), activations, z);
                    mix(frame, deck, z, colour[i]);
                }
            }
            barrier();  // read by all before the next deck writes
        }
#pragma unroll
        for (int i = 0; i < PIXELS_A_THREAD; ++i) {
            int mine = threadIdx.x + i * BLOCK;
            if (mine < BLOCK_PIXELS && start + mine < pixels) store(frame, out, start + mine, colour[i]);
        }
    }
}
