// Depth for nothing: `projection.py` in GLSL, operation by operation; it says what the kinds are. The plane is that of
// networks, pi at the end of the short side.

uniform vec4 weights_of_kinds; // tunnel, floor, sphere, spiral
uniform vec2 plain_and_shift;  // what is left of the flat plane; the travel, 0..4 pi

const float PI = 3.141592653589793;
const float TUNNEL = 11.309733552923255, TUNNEL_END = 0.6; // 3.6 pi
const float FLOOR = PI, FLOOR_END = 0.35, FLOOR_DEPTH = 2.199114857512855; // 0.7 pi
const float MIDDLE = 1e-3, RIM = 1e-6, TINY = 1e-12;
const float RADIUS = 2.261946710584651, RADIUS2 = 5.116402921524723; // 0.72 pi

bool is_flat() { return plain_and_shift.x >= 1.0; }

float fold_back(float v) {
    float turns = v * 0.07957747154594767 - 0.25;
    return abs((turns - floor(turns)) * (4.0 * PI) - 2.0 * PI) - PI;
}

float beyond(float x, float y) {
    float m = (y - x) / (y + x + TINY);
    float q = m * m;
    return m * (0.99986633 + q * (-0.33030479 + q * (0.1801593 + q * (-0.08515635 + q * 0.02084511))));
}

float angle_of(float y, float x) {
    float up = abs(y);
    return (0.25 * PI + beyond(x, up)) * (y / (up + TINY));
}

vec2 tunnel(vec2 p, float shift) {
    float r = sqrt(p.x * p.x + p.y * p.y);
    float up = abs(p.y);
    float along = PI - abs(4.0 * beyond(abs(p.x), up));
    return vec2(along * (p.y / (up + TINY)), fold_back(TUNNEL / (r + TUNNEL_END) + shift));
}

vec2 floor_and_ceiling(vec2 p, float shift) {
    float scale = FLOOR / (abs(p.y) + FLOOR_END);
    return vec2(fold_back(p.x * scale), fold_back(FLOOR_DEPTH * scale + shift));
}

vec2 sphere(vec2 p, float shift) {
    float across = RADIUS2 - p.y * p.y;
    float z2 = across - p.x * p.x;
    if (z2 <= 0.0) return p;
    float longitude = angle_of(p.x, sqrt(max(z2, RIM)));
    return vec2(fold_back(2.0 * longitude + shift), 2.0 * angle_of(p.y, sqrt(max(across, RIM))));
}

vec2 spiral(vec2 p, float shift) {
    float depth = log(p.x * p.x + p.y * p.y + MIDDLE) - shift;
    float side = abs(p.x);
    float angle = PI - (PI - 2.0 * angle_of(p.y, side)) * ((p.x + TINY) / (side + TINY));
    return vec2(fold_back(angle + depth), fold_back(angle - depth));
}

vec2 project(vec2 p) {
    if (is_flat()) return p;
    vec4 w = weights_of_kinds;
    float shift = plain_and_shift.y;
    vec2 q = plain_and_shift.x * p;
    if (w.x > 0.0) q += w.x * tunnel(p, shift);
    if (w.y > 0.0) q += w.y * floor_and_ceiling(p, shift);
    if (w.z > 0.0) q += w.z * sphere(p, shift);
    if (w.w > 0.0) q += w.w * spiral(p, shift);
    return q;
}
