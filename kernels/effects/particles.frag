#version 330 core
// A disc of light. One smaller than a pixel gives the light that it has, wherever between pixels it lies.
flat in vec2 middle;
flat in float radius;
flat in vec3 light;
out vec4 colour;

void main() {
    float away = distance(gl_FragCoord.xy, middle);
    float cover = clamp(radius - away + 0.5, 0.0, 1.0) + clamp(radius + away + 0.5, 0.0, 1.0) - 1.0;
    float whole = radius > 0.5 ? radius * radius / (radius * radius + 1.0 / 12.0)
                               : radius / (0.5 + 2.0 / 3.0 * radius * radius);
    colour = vec4(whole * cover * light, 0.0);
}
