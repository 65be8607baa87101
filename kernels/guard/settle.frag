#version 330 core
// The state after this frame: what is shown, measured as it was held back, is counted.
#include "guard/rules.glsl"
out vec4 colour;
uniform sampler2D tiles;
uniform sampler2D state;
uniform sampler2D decided;
uniform float dt;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    int region = here.y;
    int channel = here.x / CHANNEL;
    float value = mean_of(tiles, region)[channel];

    Seen s = seen(state, region, channel);
    float rise = step_of(channel);
    float extreme = s.rising ? max(s.extreme, value) : min(s.extreme, value);
    bool up = !s.rising && dark_enough(extreme, channel) && value >= extreme + rise;
    bool down = s.rising && dark_enough(value, channel) && value <= extreme - rise;
    bool turned = up || down;
    // A transition goes on for as long as light moves on, to 1.1 steps.
    bool goes_on = extreme != s.extreme && abs(s.extreme - s.base) < rise * (2.0 - CAUTION) / CAUTION;
    float newest = goes_on ? 0.0 : min(s.ages[0] + dt, NEVER);
    int column = here.x % CHANNEL;
    if (column == 0) {
        vec4 now = texelFetch(decided, ivec2(0, region), 0);
        int held = min(channel, 1); // both reds are faded as one
        float since = now[2 + held] > 0.5 ? 0.0 : min(s.since + dt, NEVER);
        colour = vec4(turned ? value : extreme, float(s.rising != turned), now[held], since);
        return;
    }
    if (column == 1) {
        colour = vec4(turned ? extreme : s.base, down ? vec2(newest, s.lasted.x) : s.lasted, 0.0);
        return;
    }
    int first = 4 * (column - 2);
    for (int i = 0; i < 4; i++) {
        int from = turned ? first + i - 1 : first + i;
        colour[i] = from < 0 ? 0.0 : (from == 0 ? newest : min(s.ages[from] + dt, NEVER));
    }
}
