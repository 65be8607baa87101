#version 330 core
// The idle scene: curtains of faint light and slow phosphenes over near black. Phases come wrapped from the CPU, so that it
// is as smooth after a night as after a second.
in vec2 uv;
out vec4 colour;
uniform float aspect;
uniform vec4 phase; // radians
uniform vec4 spots[5]; // x, y, 1 / radius squared, brightness

// Two curtains of an aurora: a soft hem that is bent along x, and rays that rise from it.
float curtain(float x, float y, float hem, float bend, float ray, float sway) {
    float h = y - hem - bend;
    float edge = 0.5 + 0.5 * h / sqrt(h * h + 0.004);
    float rays = 0.62 + 0.23 * sin(x * 7.0 + 11.0 * bend + ray) + 0.15 * sin(x * 19.0 - 17.0 * bend + sway);
    return edge * exp2(-6.0 * max(h, 0.0)) * rays;
}

void main() {
    vec2 p = (uv - 0.5) * vec2(aspect, 1.0);
    float bend = 0.09 * sin(p.x * 2.1 + phase.x) + 0.04 * sin(p.x * 4.3 - phase.y);
    float near = curtain(p.x, p.y, -0.22, bend, phase.z, phase.w);
    float far = curtain(p.x * 1.3 + 0.7, p.y, 0.02, -0.7 * bend, phase.w, phase.z);
    float rise = clamp(1.6 * (p.y + 0.25), 0.0, 1.0);
    vec3 light = vec3(0.0020, 0.0030, 0.0085) * (1.4 - uv.y);
    light += near * mix(vec3(0.010, 0.130, 0.095), vec3(0.070, 0.025, 0.150), rise);
    light += 0.6 * far * vec3(0.055, 0.030, 0.130);
    // Phosphenes: soft, a little hollow, as they hang before closed eyes.
    for (int i = 0; i < 5; i++) {
        vec2 d = p - spots[i].xy;
        float r = dot(d, d) * spots[i].z;
        float glow = (0.7 + 0.5 * r) / (1.0 + r * r * (1.0 + r));
        light += spots[i].w * glow * mix(vec3(0.018, 0.050, 0.130), vec3(0.110, 0.040, 0.085), 0.25 * float(i));
    }
    colour = vec4(light, 1.0);
}
