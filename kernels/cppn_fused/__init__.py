"""The fused CPPN: a whole network per warp, from coordinates to RGBA8, in one launch. CUDA source, packing, proof.

    shape.py      what is compiled for, and where everything lies in memory
    fragment.py   which lane holds what: index formulas that C and Python share
    source.py     build(shape, variant, pair) -> Program: the CUDA text, its options, grid and block
    pack.py       pack_weights once a style, pack_frame once a frame
    emulate.py    the same arithmetic in numpy, lane by lane, from the packed bytes
    floor.py      the least time a GPU could take
    ptx.cu paint.cu mma.cu fma.cu   the device code; README.md says what it computes and how exactly

A launch, for whoever owns the GPU:

    program = build(Shape(spec.spatial, spec.width, spec.layer_activations), "fp16")
    compile program.source with program.options(86)              once a shape; cache under program.key
    upload pack_weights(shape, variant, weights, spec.columns(spec.spatial))                 once a style
    upload pack_frame(shape, variant, [bias], (1280, 720), [view_matrix(view)])              once a frame
    PAINT<<<program.grid(pixels, multiprocessors, resident), program.block>>>(frame, weights, weights, out)

No dynamic shared memory. Imports numpy only; nothing here touches a GPU.
"""
