// A GPU for one block, on the processor: stands where ptx.cu stands, so that the rest of the kernel's source runs as it is.
//
// Every thread of the block is a fibre. mma and barrier are the points where lanes meet. mma is written down here from the
// tables of the PTX ISA a second time, by hand: it shares no formula with the kernel or its packing.

#include <ucontext.h>

#include <cmath>
#include <cstring>
#include <vector>

#define DEVICE static inline
#define __global__
#define __restrict__
#define __launch_bounds__(threads)
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

struct uint2 { unsigned x, y; };
struct __align__(16) uint4 { unsigned x, y, z, w; };
struct __align__(16) float4 { float x, y, z, w; };
struct Index { int x; };
static float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static int min(int a, int b) { return a < b ? a : b; }
static Index threadIdx, blockIdx, blockDim, gridDim;

struct Fibre { ucontext_t context; std::vector<char> stack; bool done; };
static std::vector<Fibre> fibres;
static ucontext_t scheduler;

static void pause_lane() {
    int me = threadIdx.x;
    swapcontext(&fibres[me].context, &scheduler);
    threadIdx.x = me;
}

struct Meeting { int arrived = 0; unsigned generation = 0; };
static Meeting block_meeting, warp_meetings[32];

static void meet(Meeting& meeting, int lanes) {
    unsigned mine = meeting.generation;
    if (++meeting.arrived == lanes) {
        meeting.arrived = 0;
        ++meeting.generation;
    }
    while (meeting.generation == mine) pause_lane();
}

DEVICE void barrier() { meet(block_meeting, BLOCK); }

static _Float16 half_of(unsigned packed, int high) {
    unsigned short bits = (unsigned short)(packed >> (16 * high));
    _Float16 value;
    memcpy(&value, &bits, 2);
    return value;
}

DEVICE unsigned pack_halves(float low, float high) {
    _Float16 halves[2] = {(_Float16)low, (_Float16)high};
    unsigned packed;
    memcpy(&packed, halves, 4);
    return packed;
}

DEVICE void unpack_halves(unsigned packed, float& low, float& high) {
    low = (float)half_of(packed, 0);
    high = (float)half_of(packed, 1);
}

struct Operands { unsigned a[4], b[2]; };
static Operands operands[32][32];

// Row `row` of A times column `column` of B. A: a0 a1 | a2 a3 | a4 a5 | a6 a7 are rows g, g + 8, g, g + 8 and columns 2 t,
// 2 t, 2 t + 8, 2 t + 8. B: b0 b1 | b2 b3 are rows 2 t, 2 t + 8 of column g.
static double dot(int warp, int row, int column) {
    double sum = 0.0;
    for (int k = 0; k < 16; ++k) {
        int member = k % 8 / 2, beyond = k / 8;
        unsigned a = operands[warp][row % 8 * 4 + member].a[2 * beyond + row / 8];
        unsigned b = operands[warp][column * 4 + member].b[beyond];
        sum += (double)half_of(a, k % 2) * (double)half_of(b, k % 2);
    }
    return sum;
}

static void exchange(const unsigned (&a)[4], unsigned b0, unsigned b1, double (&products)[4]) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    operands[warp][lane] = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
    meet(warp_meetings[warp], 32);
    for (int i = 0; i < 4; ++i) products[i] = dot(warp, lane / 4 + 8 * (i / 2), lane % 4 * 2 + i % 2);
    meet(warp_meetings[warp], 32);
}

DEVICE void mma(unsigned (&d)[2], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    double products[4];
    exchange(a, b0, b1, products);
    for (int reg = 0; reg < 2; ++reg) {
        _Float16 sums[2];
        for (int high = 0; high < 2; ++high) sums[high] = (_Float16)((double)half_of(d[reg], high) + products[2 * reg + high]);
        memcpy(&d[reg], sums, 4);
    }
}

DEVICE void mma(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    double products[4];
    exchange(a, b0, b1, products);
    for (int i = 0; i < 4; ++i) d[i] = (float)(d[i] + products[i]);
}

DEVICE float fast_sin(float x) { return (float)sin((double)x); }
DEVICE float fast_cos(float x) { return (float)cos((double)x); }
DEVICE float fast_exp2(float x) { return (float)exp2((double)x); }
DEVICE float fast_log2(float x) { return (float)log2((double)x); }
DEVICE float fast_reciprocal(float x) { return (float)(1.0 / (double)x); }
DEVICE float fast_tanh(float x) { return (float)tanh((double)x); }
DEVICE float sum_of_product(float a, float b, float c) { return (float)((double)a * (double)b + (double)c); }
DEVICE const unsigned char* opaque(const unsigned char* pointer) { return pointer; }

extern "C" void ENTRY_PAINT(const Frame*, const unsigned char*, const unsigned char*, unsigned char*);
extern "C" void ENTRY_LERP(const Frame*, const unsigned*, const unsigned*, unsigned*);

static const void* arguments[4];

static void lane_main() {
    int me = threadIdx.x;
    ENTRY_PAINT((const Frame*)arguments[0], (const unsigned char*)arguments[1], (const unsigned char*)arguments[2],
                (unsigned char*)arguments[3]);
    fibres[me].done = true;
}

extern "C" void launch_paint(const void* frame, const void* a, const void* b, void* out, int blocks) {
    arguments[0] = frame, arguments[1] = a, arguments[2] = b, arguments[3] = out;
    gridDim.x = blocks, blockDim.x = BLOCK;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
        fibres = std::vector<Fibre>(BLOCK);
        for (Fibre& fibre : fibres) {
            fibre.stack.resize(1 << 17);
            getcontext(&fibre.context);
            fibre.context.uc_stack.ss_sp = fibre.stack.data();
            fibre.context.uc_stack.ss_size = fibre.stack.size();
            fibre.context.uc_link = &scheduler;
            makecontext(&fibre.context, lane_main, 0);
        }
        for (int running = BLOCK; running > 0;)
            for (int i = 0; i < BLOCK; ++i) {
                if (fibres[i].done) continue;
                threadIdx.x = i;
                swapcontext(&scheduler, &fibres[i].context);
                running -= fibres[i].done;
            }
    }
}

extern "C" void launch_lerp(const void* frame, const void* a, const void* b, void* out, int blocks, int threads) {
    gridDim.x = blocks, blockDim.x = threads;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x)
            ENTRY_LERP((const Frame*)frame, (const unsigned*)a, (const unsigned*)b, (unsigned*)out);
}
