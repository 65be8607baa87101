// The flash guard's numbers and the layout of its textures; see reference.py, whose names these are.

const int TILES = 24;
const int CELLS = 6;
const int WINDOWS = CELLS - 1; // along each side; the region after them is the whole picture
const float WINDOW_S = 1.0;
const int MOST_FLASHES = 3;
const float LUMINANCE_STEP = 0.1;
const float RED_STEP = 20.0 / 320.0;
const float DARK = 0.8;
const float SATURATED = 0.8;
const float NEARLY_SATURATED = 0.77;
const float CAUTION = 0.9;
const float HOLD = 0.5;
const float HOLD_RED = 0.8;
const float STEADY = 1.5;
const float SPACING_S = 0.25;
const float HELD_S = 0.5;
const float RELEASE_S = 0.4;
const float FADED = 0.5;
const float FADED_ENOUGH = 0.46;
const float RED_RELEASE_S = 0.6;
const float NEVER = 99.0;

// State: a row for each region. Columns 0 to 3 are of luminance, 4 to 7 of saturated red, 8 to 11 of red that is nearly so:
// (extreme, rising, factor or fading, seconds since holding back began), (base, how long the newest flash lasted and the one
// before), then the ages of eight transitions, newest first.
const int CHANNEL = 4;

struct Seen {
    float extreme;
    bool rising;
    float held; // factor or fading
    float since;
    float base;
    vec2 lasted;
    float ages[8];
};

Seen seen(sampler2D state, int region, int channel) {
    vec4 first = texelFetch(state, ivec2(channel * CHANNEL, region), 0);
    vec4 second = texelFetch(state, ivec2(channel * CHANNEL + 1, region), 0);
    vec4 a = texelFetch(state, ivec2(channel * CHANNEL + 2, region), 0);
    vec4 b = texelFetch(state, ivec2(channel * CHANNEL + 3, region), 0);
    float ages[8] = float[8](a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w);
    return Seen(first.x, first.y > 0.5, first.z, first.w, second.x, second.yz, ages);
}

float step_of(int channel) {
    return CAUTION * (channel == 0 ? LUMINANCE_STEP : RED_STEP);
}

bool dark_enough(float value, int channel) {
    return channel > 0 || value < DARK;
}

// The tiles of a region: first column, first row, how many along each side.
ivec3 tiles_of(int region) {
    int tile = TILES / CELLS;
    if (region == WINDOWS * WINDOWS) return ivec3(0, 0, TILES);
    return ivec3(tile * (region % WINDOWS), tile * (region / WINDOWS), 2 * tile);
}

// Factor and fading at a place of the picture: smooth between the centres of the cells.
vec2 at_place(sampler2D cells, vec2 uv) {
    vec2 place = uv * float(CELLS) - 0.5;
    vec2 below = floor(place);
    vec2 t = place - below;
    t = t * t * (3.0 - 2.0 * t);
    ivec2 a = clamp(ivec2(below), ivec2(0), ivec2(CELLS - 1));
    ivec2 b = clamp(ivec2(below) + 1, ivec2(0), ivec2(CELLS - 1));
    vec2 aa = texelFetch(cells, a, 0).xy;
    vec2 ba = texelFetch(cells, ivec2(b.x, a.y), 0).xy;
    vec2 ab = texelFetch(cells, ivec2(a.x, b.y), 0).xy;
    vec2 bb = texelFetch(cells, b, 0).xy;
    vec2 lower = aa + t.x * (ba - aa); // not a(1-t) + bt: of equal values that is not always their own
    vec2 upper = ab + t.x * (bb - ab);
    return lower + t.y * (upper - lower);
}

// Light that is about to be shown, 0..1, dimmed and its red faded; untouched to the bit where nothing is held back.
vec3 held_back(vec3 light, vec2 held) {
    if (held.x >= 1.0 && held.y <= 0.0) return light;
    return held.x * mix(light, vec3(dot(light, vec3(0.2126, 0.7152, 0.0722))), held.y);
}

// The mean of the tiles of a region: luminance, saturated red, and red that is nearly so.
vec3 mean_of(sampler2D tiles, int region) {
    ivec3 where = tiles_of(region);
    vec3 sum = vec3(0.0);
    for (int y = 0; y < where.z; y++) {
        for (int x = 0; x < where.z; x++) sum += texelFetch(tiles, where.xy + ivec2(x, y), 0).xyz;
    }
    return sum / float(where.z * where.z);
}
