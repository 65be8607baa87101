#version 330 core
// The idle scene: curtains of faint light and slow phosphenes over near black. Phases come wrapped from the CPU, so that it
// is as smooth after a night as after a second.
in vec2 uv;
out vec4 colour;
uniform float aspect;
uniform vec4 phase; // radians
uniform vec3 spots[5]; // x, y, brightness

void main() {
    vec2 p = (uv - 0.5) * vec2(aspect, 1.0);
    // Aurora: a band whose height is bent along x, with rays that hang from it.
    float bend = 0.10 * sin(p.x * 2.1 + phase.x) + 0.05 * sin(p.x * 4.7 - phase.y);
    float height = p.y - 0.06 - bend;
    float curtain = exp(-max(height, 0.0) * 7.0) * exp(min(height, 0.0) * 2.6);
    float rays = 0.6 + 0.25 * sin(p.x * 9.0 + 5.0 * bend + phase.z) + 0.15 * sin(p.x * 23.0 - 9.0 * bend + phase.w);
    float veil = curtain * rays;
    vec3 light = vec3(0.0025, 0.0035, 0.010) * (1.3 - uv.y);
    light += veil * mix(vec3(0.012, 0.120, 0.105), vec3(0.085, 0.030, 0.150), clamp(0.5 + 2.2 * height, 0.0, 1.0));
    // Phosphenes: soft discs with a faint rim, as they hang before closed eyes.
    for (int i = 0; i < 5; i++) {
        vec2 d = p - spots[i].xy;
        float r = dot(d, d) * 34.0;
        float disc = 1.0 / (1.0 + r * r * r);
        light += spots[i].z * disc * (0.35 + 0.65 * r) * mix(vec3(0.05, 0.09, 0.20), vec3(0.16, 0.07, 0.14), float(i) * 0.25);
    }
    colour = vec4(light, 1.0);
}
