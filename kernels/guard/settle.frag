#version 330 core
// The state after this frame: what is shown, held back as decided, is counted.
#include "guard/rules.glsl"
out vec4 colour;
uniform sampler2D tiles;
uniform sampler2D state;
uniform sampler2D decided;
uniform sampler2D cells;
uniform float dt;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    int region = here.y;
    int channel = here.x / CHANNEL;
    ivec3 where = tiles_of(region);
    float sum = 0.0;
    for (int y = 0; y < where.z; y++) {
        for (int x = 0; x < where.z; x++) {
            vec2 value = shown(tiles, cells, where.xy + ivec2(x, y));
            sum += channel == 0 ? value.x : value.y;
        }
    }
    float value = sum / float(where.z * where.z);

    Seen s = seen(state, region, channel);
    float rise = step_of(channel);
    float extreme = s.rising ? max(s.extreme, value) : min(s.extreme, value);
    bool up = !s.rising && dark_enough(extreme, channel) && value >= extreme + rise;
    bool down = s.rising && dark_enough(value, channel) && value <= extreme - rise;
    bool turned = up || down;
    int column = here.x % CHANNEL;
    if (column == 0) {
        vec4 now = texelFetch(decided, ivec2(0, region), 0);
        float since = now[2 + channel] > 0.5 ? 0.0 : min(s.since + dt, NEVER);
        colour = vec4(turned ? value : extreme, float(s.rising != turned), now[channel], since);
        return;
    }
    int first = 4 * (column - 1);
    for (int i = 0; i < 4; i++) {
        int from = turned ? first + i - 1 : first + i;
        colour[i] = from < 0 ? 0.0 : min(s.ages[from] + dt, NEVER);
    }
}
