// A CUDA driver without a GPU, for tests only: device memory is host memory, a stream does its work at once, a "module" is
// this library, whose functions are its kernels. It exists to be called through the real bindings, so that what they are
// handed (pointers, structs, argument lists, flags) is seen to arrive. It computes no time and shares no texture with OpenGL:
// textures 1 to 7 are 64x64 RGBA8 arrays of its own, and 219 is refused with that error.
#include <dlfcn.h>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

typedef int R;
typedef unsigned long long P;
#define API extern "C" __attribute__((visibility("default"))) R
enum { OK = 0, BAD_VALUE = 1, NOT_FOUND = 500, INVALID_HANDLE = 400, NOT_MAPPED = 211, GRAPHICS = 219, CAPTURE = 900 };

struct Stream { int priority; unsigned flags; };
struct Event { double ms; bool recorded; };
struct Array { unsigned char cells[64 * 64 * 4]; };
struct Resource { Array* array; unsigned flags; bool mapped; void* stream; };
struct Copy2D {  // CUDA_MEMCPY2D_v2
    size_t srcX, srcY; int srcType; const void* srcHost; P srcDevice; void* srcArray; size_t srcPitch;
    size_t dstX, dstY; int dstType; void* dstHost; P dstDevice; void* dstArray; size_t dstPitch;
    size_t width, height;
};
struct Launch { void (*kernel)(void**, unsigned); unsigned threads; unsigned char values[8][16]; int count; };

static Array arrays[8];
static double now_ms = 0.0;
static int contexts = 0, retained = 0, allocated = 0, capturing = 0;
static void* current = nullptr;

API cuInit(unsigned) { return OK; }
API cuDriverGetVersion(int* v) { *v = 13020; return OK; }
API cuDeviceGetCount(int* n) { *n = 1; return OK; }
API cuDeviceGet(int* d, int ordinal) { *d = ordinal; return ordinal == 0 ? OK : 101; }
API cuDeviceGetName(char* name, int length, int) { strncpy(name, "Host", length); return OK; }
API cuDeviceGetAttribute(int* value, int attribute, int) {
    *value = attribute == 75 ? 8 : attribute == 76 ? 9 : attribute == 16 ? 46 : attribute == 13 ? 2475000 : attribute == 82 ? 65536 : attribute == 39 ? 1536 : 0;
    return OK;
}
API cuDeviceTotalMem_v2(size_t* n, int) { *n = (size_t)12 << 30; return OK; }
API cuDevicePrimaryCtxRetain(void** c, int) { retained++; *c = &contexts; return OK; }
API cuDevicePrimaryCtxRelease_v2(int) { retained--; return OK; }
API cuCtxSetCurrent(void* c) { current = c; return OK; }
API cuCtxGetCurrent(void** c) { *c = current; return OK; }
API cuCtxGetStreamPriorityRange(int* least, int* greatest) { *least = 0; *greatest = -5; return OK; }
API cuGetErrorName(int e, const char** s) { *s = e == GRAPHICS ? "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT" : "CUDA_ERROR"; return OK; }
API cuGetErrorString(int, const char** s) { *s = "said by the host driver"; return OK; }

API cuMemAlloc_v2(P* p, size_t n) { *p = (P)aligned_alloc(256, (n + 255) / 256 * 256); allocated++; return OK; }
API cuMemFree_v2(P p) { free((void*)p); allocated--; return OK; }
API cuMemHostAlloc(void** p, size_t n, unsigned) { *p = malloc(n); allocated++; return OK; }
API cuMemFreeHost(void* p) { free(p); allocated--; return OK; }
API cuMemcpyHtoDAsync_v2(P d, const void* s, size_t n, void* stream) { memcpy((void*)d, s, n); return stream ? OK : BAD_VALUE; }
API cuMemcpyDtoHAsync_v2(void* d, P s, size_t n, void* stream) { memcpy(d, (void*)s, n); return stream ? OK : BAD_VALUE; }
API cuMemcpy2DAsync_v2(const Copy2D* c, void* stream) {
    bool in = c->srcType == 2 && c->dstType == 3, out = c->srcType == 3 && c->dstType == 2;  // DEVICE, ARRAY
    if (!stream || (!in && !out)) return BAD_VALUE;
    for (size_t y = 0; y < c->height; ++y) {
        if (in) memcpy(((Array*)c->dstArray)->cells + y * 256, (char*)c->srcDevice + y * c->srcPitch, c->width);
        else memcpy((char*)c->dstDevice + y * c->dstPitch, ((Array*)c->srcArray)->cells + y * 256, c->width);
    }
    return OK;
}

API cuStreamCreateWithPriority(Stream** s, unsigned flags, int priority) {
    if (flags != 1 || priority > 0 || priority < -5) return BAD_VALUE;
    *s = new Stream{priority, flags};
    return OK;
}
API cuStreamDestroy_v2(Stream* s) { delete s; return OK; }
API cuStreamSynchronize(Stream* s) { return s ? OK : BAD_VALUE; }
API cuStreamWaitEvent(Stream* s, Event* e, unsigned) { return s && e ? OK : BAD_VALUE; }
API cuEventCreate(Event** e, unsigned) { *e = new Event{0.0, false}; return OK; }
API cuEventDestroy_v2(Event* e) { delete e; return OK; }
API cuEventRecord(Event* e, Stream* s) { e->ms = now_ms; e->recorded = true; return s ? OK : BAD_VALUE; }
API cuEventQuery(Event* e) { return e->recorded ? OK : 600; }
API cuEventSynchronize(Event* e) { return e->recorded ? OK : BAD_VALUE; }
API cuEventElapsedTime_v2(float* ms, Event* a, Event* b) { *ms = (float)(b->ms - a->ms); return OK; }
API cuEventElapsedTime(float* ms, Event* a, Event* b) { return cuEventElapsedTime_v2(ms, a, b); }

// The kernels: out[i] = a * x[i] + b, one after the other for all threads; each takes a millisecond.
static void affine(void** arguments, unsigned threads) {
    float* out = *(float**)arguments[0];
    const float* x = *(const float**)arguments[1];
    float a = *(float*)arguments[2];
    int b = *(int*)arguments[3];
    int count = *(int*)arguments[4];
    for (unsigned i = 0; i < threads && (int)i < count; ++i) out[i] = a * x[i] + b;
}
static const size_t SIZES[5] = {8, 8, 4, 4, 4};
static Launch recorded;

// Every other kernel is Python's: it is given the name, the addresses of the arguments, the blocks and the threads of one.
typedef void (*Callback)(const char* name, void** arguments, unsigned blocks, unsigned threads);
static Callback callback = nullptr;
extern "C" __attribute__((visibility("default"))) void host_kernels(Callback c) { callback = c; }

API cuModuleLoadData(void** m, const void* image) { *m = (void*)1; return memcmp(image, "HOST", 4) ? 200 : OK; }
API cuModuleUnload(void*) { return OK; }
API cuModuleGetFunction(void** f, void*, const char* name) {
    *f = strcmp(name, "affine") ? (void*)strdup(name) : (void*)affine;
    return strcmp(name, "missing") ? OK : NOT_FOUND;
}
API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* n, void*, int threads, size_t) { *n = 1536 / threads; return OK; }
API cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void* stream, void** arguments, void** extra) {
    if (!stream || shared > 49152) return BAD_VALUE;
    void* pointers[5];
    if (!arguments && extra) {  // one packed buffer instead: (1, its address), (2, the address of its size), 0
        char* at = (char*)extra[1];
        for (int i = 0; i < 5; at += SIZES[i++]) pointers[i] = at;
        arguments = pointers;
    }
    unsigned threads = gx * gy * gz * bx * by * bz;
    if (f != (void*)affine) {
        if (!callback) return NOT_FOUND;
        callback((const char*)f, arguments, gx * gy * gz, bx * by * bz);
        now_ms += 1.0;
        return OK;
    }
    if (capturing) {
        recorded = Launch{(void (*)(void**, unsigned))f, threads, {}, 5};
        for (int i = 0; i < 5; ++i) memcpy(recorded.values[i], arguments[i], SIZES[i]);
        return OK;
    }
    ((void (*)(void**, unsigned))f)(arguments, threads);
    now_ms += 1.0;
    return OK;
}
API cuStreamBeginCapture_v2(void*, int mode) { capturing = 1; return mode == 1 ? OK : CAPTURE; }
API cuStreamEndCapture(void*, void** g) { capturing = 0; *g = &recorded; return OK; }
API cuGraphInstantiateWithFlags(void** x, void* g, P) { *x = new Launch(*(Launch*)g); return OK; }
API cuGraphDestroy(void*) { return OK; }
API cuGraphExecDestroy(Launch* x) { delete x; return OK; }
API cuGraphLaunch(Launch* x, void*) {
    void* arguments[8];
    for (int i = 0; i < x->count; ++i) arguments[i] = x->values[i];
    x->kernel(arguments, x->threads);
    now_ms += 1.0;
    return OK;
}

API cuGraphicsGLRegisterImage(Resource** r, unsigned texture, unsigned target, unsigned flags) {
    if (texture == 219) return GRAPHICS;
    if (texture >= 8 || target != 0x0DE1) return BAD_VALUE;
    *r = new Resource{&arrays[texture], flags, false, nullptr};
    return OK;
}
API cuGraphicsUnregisterResource(Resource* r) { R result = r->mapped ? BAD_VALUE : OK; delete r; return result; }
API cuGraphicsMapResources(unsigned n, Resource** r, void* stream) {
    if (n != 1 || !stream || (*r)->mapped) return INVALID_HANDLE;
    (*r)->mapped = true;
    (*r)->stream = stream;
    return OK;
}
API cuGraphicsUnmapResources(unsigned n, Resource** r, void* stream) {
    if (n != 1 || !(*r)->mapped || (*r)->stream != stream) return NOT_MAPPED;
    (*r)->mapped = false;
    return OK;
}
API cuGraphicsSubResourceGetMappedArray(void** a, Resource* r, unsigned, unsigned) {
    *a = r->array;
    return r->mapped ? OK : NOT_MAPPED;
}

// For the tests: what has been allocated and not freed, and how often the primary context is held.
extern "C" __attribute__((visibility("default"))) int host_allocated() { return allocated; }
extern "C" __attribute__((visibility("default"))) int host_retained() { return retained; }

API cuGetProcAddress_v2(const char* name, void** function, int, P, int* status) {
    for (const char* suffix : {"_v2", "", "WithFlags"})
        if ((*function = dlsym(RTLD_DEFAULT, (std::string(name) + suffix).c_str())) ||
            (*function = dlsym(dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD), (std::string(name) + suffix).c_str()))) {
            if (status) *status = 0;
            return OK;
        }
    if (status) *status = 1;
    return NOT_FOUND;
}
API cuGetProcAddress(const char* name, void** function, int v, P flags) {
    return cuGetProcAddress_v2(name, function, v, flags, nullptr);
}
