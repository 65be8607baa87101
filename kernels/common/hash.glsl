// Three independent numbers in 0..1 from three integers (pcg3d, Jarzynski and Olano 2020): integers only, so that every
// GPU and the numpy reference agree to the bit.

vec3 hash3(uvec3 v) {
    v = v * 1664525u + 1013904223u;
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v ^= v >> 16u;
    v.x += v.y * v.z;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    return vec3(v >> 8u) / 16777216.0;
}
