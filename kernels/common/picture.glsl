// Reading pictures in fragment shaders; the rest, which vertex shaders can do as well, is in the file that this one includes.
#include "common/reading.glsl"

// At this pixel of a picture of the target's size: a quarter of the memory reads of `read`.
vec4 read_here(sampler2D source) {
    return finite(texelFetch(source, ivec2(gl_FragCoord.xy), 0));
}
