/* M/M/20 in C: the speed of light. One event after the other, the next arrival or the earliest departure in a heap. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SERVERS = 20 };

static const double ARRIVALS_PER_S = 80, SERVICES_PER_S = 5;

static uint64_t state[4];
static double departure_s[SERVERS];
static int busy;

static uint64_t splitmix(uint64_t *x) {
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t turned(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

static uint64_t xoshiro256pp(void) {
    uint64_t drawn = turned(state[0] + state[3], 23) + state[0], shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = turned(state[3], 45);
    return drawn;
}

static double exponential(double per_s) { return -log((double)((xoshiro256pp() >> 11) + 1) * 0x1p-53) / per_s; }

static void push(double at_s) {
    int here = busy++;
    for (int above; here > 0 && departure_s[above = (here - 1) / 2] > at_s; here = above)
        departure_s[here] = departure_s[above];
    departure_s[here] = at_s;
}

static void pop(void) {
    double last = departure_s[--busy];
    int here = 0;
    for (int below = 1; below < busy; below = 2 * here + 1) {
        if (below + 1 < busy && departure_s[below + 1] < departure_s[below]) below++;
        if (departure_s[below] >= last) break;
        departure_s[here] = departure_s[below];
        here = below;
    }
    departure_s[here] = last;
}

/* Arguments: customers, seed. Prints the seconds that the loop took and the mean wait in seconds. */
int main(int count, char **given) {
    if (count != 3) return 2;
    long customers = atol(given[1]), came = 0, served = 0, left = 0;
    uint64_t seed = strtoull(given[2], NULL, 10);
    for (int i = 0; i < 4; i++) state[i] = splitmix(&seed);
    double *came_s = malloc(sizeof *came_s * (size_t)customers);
    if (came_s == NULL) return 1;

    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    double next_s = exponential(ARRIVALS_PER_S), waited_s = 0;
    while (left < customers) {
        double now_s;
        if (came < customers && (busy == 0 || next_s <= departure_s[0])) {
            now_s = next_s;
            came_s[came++] = now_s;
            next_s = now_s + exponential(ARRIVALS_PER_S);
        } else {
            now_s = departure_s[0];
            pop();
            left++;
        }
        if (busy < SERVERS && served < came) {
            waited_s += now_s - came_s[served++];
            push(now_s + exponential(SERVICES_PER_S));
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.9f %.9f\n", (double)(ended.tv_sec - begun.tv_sec) + 1e-9 * (double)(ended.tv_nsec - begun.tv_nsec),
           waited_s / (double)customers);
    return 0;
}
