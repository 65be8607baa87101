#version 330 core
// How much each region has to be held back in this frame: (factor, fading, whether holding back of light, of red begins).
#include "guard/rules.glsl"
out vec4 colour;
uniform sampler2D tiles;
uniform sampler2D state;
uniform float dt;

// Whether one more rise keeps to three flashes a second. The newest transition is a fall.
bool allowed(Seen s, int channel) {
    // Of red a frame more than the second: it takes little to tip a pixel into saturation, a frame earlier or later.
    float end = WINDOW_S + (channel == 0 ? -0.5 : 1.5) * dt;
    int rises = 0;
    int changes = 0;
    for (int i = 0; i < 8; i++) {
        s.ages[i] += dt;
        if (s.ages[i] >= end) continue;
        changes++;
        rises += i % 2;
    }
    // A fall will follow. With five transitions in the second behind, it would be the seventh of its second, unless the
    // oldest one has left by then: only of steady flashes is it known that it will.
    vec3 periods = vec3(s.ages[1], s.ages[3] - s.ages[1], s.ages[5] - s.ages[3]);
    float longest = max(periods.x, max(periods.y, periods.z));
    float shortest = min(periods.x, min(periods.y, periods.z));
    float uneven = max(longest - shortest, abs(s.lasted.x - s.lasted.y));
    bool leaves = uneven <= STEADY * dt && s.ages[4] + min(s.lasted.x, s.lasted.y) - uneven >= end;
    // Once flashes are held back those that come through keep a distance.
    bool spaced = s.since + dt >= WINDOW_S || s.ages[1] >= SPACING_S - 0.5 * dt;
    return rises < MOST_FLASHES && (changes <= 4 || (changes == 5 && leaves)) && spaced;
}

float limit_of(Seen s, int channel) {
    return s.extreme + (channel == 0 ? HOLD : HOLD_RED) * step_of(channel);
}

bool blocked(Seen s, int channel, float value, float coming, bool was_held) {
    if (s.rising || !dark_enough(s.extreme, channel)) return false;
    float limit = limit_of(s, channel);
    bool rises = coming >= s.extreme + step_of(channel);
    bool still = was_held && s.since + dt < HELD_S && value > limit;
    return (rises && !allowed(s, channel)) || still;
}

void main() {
    int region = int(gl_FragCoord.y);
    vec3 value = mean_of(tiles, region);

    Seen light = seen(state, region, 0);
    Seen red = seen(state, region, 1);
    Seen nearly_red = seen(state, region, 2);
    float light_limit = limit_of(light, 0);
    bool little_red = value.y <= limit_of(red, 1) && value.z <= limit_of(nearly_red, 2);
    // What is dark enough by itself needs no holding, and the next flash that may come through is whole.
    float factor = value.x <= light_limit ? 1.0 : min(1.0, light.held + dt / RELEASE_S);
    float fading = little_red ? 0.0 : max(0.0, red.held - dt * FADED / RED_RELEASE_S);
    bool light_was = light.held < 1.0;
    bool red_was = red.held > 0.0;
    bool light_blocked = blocked(light, 0, value.x, value.x * factor, light_was);
    if (light_blocked) factor = light_limit / value.x;
    // Red comes in the light as it is held: where that falls by itself, holding it lets go faster than RELEASE_S.
    vec2 coming_red = fading < FADED_ENOUGH ? value.yz * factor : vec2(0.0);
    bool red_blocked =
        blocked(red, 1, value.y, coming_red.x, red_was) || blocked(nearly_red, 2, value.z, coming_red.y, red_was);
    if (red_blocked) fading = FADED;
    colour = vec4(factor, fading, float(light_blocked && !light_was), float(red_blocked && !red_was));
}
