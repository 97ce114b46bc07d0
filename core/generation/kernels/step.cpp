// One decoding step of a Llama-shaped model, for a few tokens, with weights read in the bits they are kept in.
//
// A step of one token reads every weight once, so its time is that of reading them. Weights rounded to NF4 are read as 4 bits
// and a scale for 64 of them (NF4: Dettmers et al. 2023, arXiv 2305.14314, section 3), weights that fit bfloat16 as 16 bits;
// both become the very float32 values that the wide weights hold, and sums are in float32. All layers run in one parallel
// region, so nothing is dispatched between them.
//
// Layout: eight outputs stand side by side (a tile), so that a sum stays in its lane. An NF4 tile is, for each 64 inputs,
// eight scales and 256 bytes of codes; a bfloat16 tile is eight values for each input.
#if !defined(__AVX2__) || !defined(__FMA__)
#error "This needs AVX2 and FMA."
#endif
#include <immintrin.h>
#include <omp.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int LANES = 8, BLOCK = 64, MOST = 8;  // Outputs of a tile; weights of a scale; tokens that one read of a tile serves.
constexpr int BLOCK_BYTES = LANES * 4 + LANES * BLOCK / 2;
constexpr int AHEAD = 2048;  // Bytes asked for before they are read: the head takes 0.9 of the time (`benchmarks/LOG.md`).

// The values of NF4, as bitsandbytes has them.
alignas(32) const float CODE[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
    -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

enum Kind { NF4 = 0, BF16 = 1 };

}  // namespace

extern "C" {

struct Matrix {  // Shape: (rows, columns); data: tiles as above.
    const uint8_t* data;
    int64_t kind, rows, columns;
};

struct Adapter {  // y += B (A x). Shape: a (rank_sum, columns); b (tiles, rank, 8). Tile t reads A's outputs from place[t] on.
    const float *a, *b;
    const int64_t* place;
    int64_t rank, rank_sum;
};

struct Layer {
    const float *attention_norm, *mlp_norm, *bias;  // The bias of queries, keys and values, or null.
    Matrix qkv, out, gate, up, down;
    Adapter qkv_adapter, out_adapter, gate_adapter, up_adapter, down_adapter;
};

struct Model {
    int64_t layers, hidden, heads, key_heads, width, inner, vocabulary, positions;
    double eps, scale;
    const Layer* layer;
    const float *embedding, *norm, *cosines, *sines;  // Shape: (vocabulary, hidden), (hidden,), (positions, width) twice.
    Matrix head;
};

struct Step {  // Shape: token, row and position (tokens,); kept (kept,): which tokens' logits are wanted.
    int64_t tokens, kept_count, slots, length, threads;
    const int64_t *token, *row, *position, *kept;
    float *const *keys, *const *values;  // Of each layer: (slots, key heads, length, width).
    float* logits;                       // Shape: (kept, vocabulary).
};
}

namespace {

// e^x within about one unit in the last place (Cephes' expf: x = n ln 2 + r, a polynomial of degree 6 in r).
inline __m256 exponential(__m256 x) {
    x = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(88.0f)), _mm256_set1_ps(-87.0f));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504088896341f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    x = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    x = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), x);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
        p = _mm256_fmadd_ps(p, x, _mm256_set1_ps(c));
    p = _mm256_add_ps(_mm256_fmadd_ps(p, _mm256_mul_ps(x, x), x), _mm256_set1_ps(1.0f));
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

inline float total(__m256 x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

inline float dot(const float* a, const float* b, int64_t n) {  // n: a multiple of 16.
    __m256 s = _mm256_setzero_ps(), t = _mm256_setzero_ps();
    for (int64_t i = 0; i < n; i += 16) {
        s = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s);
        t = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), t);
    }
    return total(_mm256_add_ps(s, t));
}

inline void ask_for(const uint8_t* data, int64_t bytes) {  // Asking beyond the end does nothing.
    for (int64_t i = 0; i < bytes; i += 64) _mm_prefetch(reinterpret_cast<const char*>(data + AHEAD + i), _MM_HINT_T0);
}

// The four bytes of each NF4 value in registers of their own: a byte shuffle looks 32 codes up at once.
struct Planes {
    __m256i byte[4];
    Planes() {
        for (int k = 0; k < 4; ++k) {
            alignas(32) uint8_t found[32];
            for (int i = 0; i < 32; ++i) found[i] = reinterpret_cast<const uint8_t*>(CODE + i % 16)[k];
            byte[k] = _mm256_load_si256(reinterpret_cast<const __m256i*>(found));
        }
    }
};

// Values of 32 codes: four vectors of eight outputs, one for each of four inputs.
inline void look_up(const Planes& planes, __m256i codes, __m256 scale, __m256* found) {
    const __m256i a = _mm256_shuffle_epi8(planes.byte[0], codes), b = _mm256_shuffle_epi8(planes.byte[1], codes);
    const __m256i c = _mm256_shuffle_epi8(planes.byte[2], codes), d = _mm256_shuffle_epi8(planes.byte[3], codes);
    const __m256i low = _mm256_unpacklo_epi8(a, b), low_top = _mm256_unpacklo_epi8(c, d);
    const __m256i high = _mm256_unpackhi_epi8(a, b), high_top = _mm256_unpackhi_epi8(c, d);
    found[0] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(low, low_top)), scale);
    found[1] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(low, low_top)), scale);
    found[2] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(high, high_top)), scale);
    found[3] = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(high, high_top)), scale);
}

// sums[m] = the tile's eight outputs for token m. x: (M, columns).
template <int M>
void multiply(const Planes& planes, const Matrix& w, int64_t tile, const float* x, __m256* sums) {
    constexpr int CHAINS = M == 1 ? 4 : M == 2 ? 2 : 1;  // Sums beside each other, so that none waits for the one before.
    const int64_t columns = w.columns;
    __m256 sum[M][CHAINS];
    for (int m = 0; m < M; ++m)
        for (int c = 0; c < CHAINS; ++c) sum[m][c] = _mm256_setzero_ps();
    auto add = [&](const __m256* values, int64_t place) {  // Of four inputs from `place` on.
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
#pragma GCC unroll 8
            for (int m = 0; m < M; ++m)
                sum[m][k % CHAINS] = _mm256_fmadd_ps(values[k], _mm256_broadcast_ss(x + m * columns + place + k), sum[m][k % CHAINS]);
    };
    __m256 values[4];
    if (w.kind == NF4) {
        const uint8_t* data = w.data + tile * (columns / BLOCK) * BLOCK_BYTES;
        const __m256i mask = _mm256_set1_epi8(15);
        for (int64_t block = 0; block < columns; block += BLOCK, data += BLOCK_BYTES) {
            const __m256 scale = _mm256_loadu_ps(reinterpret_cast<const float*>(data));
            ask_for(data, BLOCK_BYTES);
            for (int i = 0; i < BLOCK / 8; ++i) {
                const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + LANES * 4 + i * 32));
                look_up(planes, _mm256_and_si256(codes, mask), scale, values);
                add(values, block + i * 8);
                look_up(planes, _mm256_and_si256(_mm256_srli_epi16(codes, 4), mask), scale, values);
                add(values, block + i * 8 + 4);
            }
        }
    } else {
        const __m128i* data = reinterpret_cast<const __m128i*>(w.data) + tile * columns;
        for (int64_t place = 0; place < columns; place += 4) {
            ask_for(reinterpret_cast<const uint8_t*>(data + place), 64);
            for (int k = 0; k < 4; ++k)
                values[k] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(data + place + k)), 16));
            add(values, place);
        }
    }
    for (int m = 0; m < M; ++m) {
        sums[m] = sum[m][0];
        for (int c = 1; c < CHAINS; ++c) sums[m] = _mm256_add_ps(sums[m], sum[m][c]);
    }
}

void multiply(const Planes& planes, const Matrix& w, int64_t tile, const float* x, int64_t tokens, __m256* sums) {
    for (; tokens > MOST; tokens -= MOST, x += MOST * w.columns, sums += MOST) multiply<MOST>(planes, w, tile, x, sums);
    switch (tokens) {
        case 1: return multiply<1>(planes, w, tile, x, sums);
        case 2: return multiply<2>(planes, w, tile, x, sums);
        case 3: return multiply<3>(planes, w, tile, x, sums);
        case 4: return multiply<4>(planes, w, tile, x, sums);
        case 5: return multiply<5>(planes, w, tile, x, sums);
        case 6: return multiply<6>(planes, w, tile, x, sums);
        case 7: return multiply<7>(planes, w, tile, x, sums);
        case 8: return multiply<8>(planes, w, tile, x, sums);
    }
}

void normalize(const float* x, const float* weight, int64_t n, double eps, float* out) {
    const float factor = 1.0f / std::sqrt(dot(x, x, n) / static_cast<float>(n) + static_cast<float>(eps));
    for (int64_t i = 0; i < n; ++i) out[i] = weight[i] * (x[i] * factor);
}

struct Share {  // A thread's part of n things.
    int64_t from, to;
    Share(int64_t n, int thread, int threads) : from(n * thread / threads), to(n * (thread + 1) / threads) {}
};

// One thread's work on a step; what all threads see is passed in.
struct Worker {
    const Model& model;
    const Step& step;
    const Planes planes;
    const int thread, threads;
    float *states, *mixed, *attended, *inner, *narrow;  // Shared; `narrow` holds what adapters' A gave.
    std::vector<float> normal, scores;                  // Of this thread.
    std::vector<__m256, std::allocator<__m256>> sums, more;

    void add_adapter(const Adapter& adapter, const float* narrow_part, int64_t tile, __m256* into) const {
        if (!adapter.rank) return;
        const float* b = adapter.b + tile * adapter.rank * LANES;
        for (int64_t m = 0; m < step.tokens; ++m)
            for (int64_t r = 0; r < adapter.rank; ++r)
                into[m] = _mm256_fmadd_ps(_mm256_loadu_ps(b + r * LANES), _mm256_set1_ps(narrow_part[m * adapter.rank_sum + adapter.place[tile] + r]), into[m]);
    }

    // Compute this thread's part of A x; the caller waits for the others.
    void narrow_down(const Adapter& adapter, const float* x, int64_t columns, float* out) const {
        const Share share(adapter.rank_sum, thread, threads);
        for (int64_t r = share.from; r < share.to; ++r)
            for (int64_t m = 0; m < step.tokens; ++m) out[m * adapter.rank_sum + r] = dot(adapter.a + r * columns, x + m * columns, columns);
    }

    void mix(const Layer& layer) {  // Queries, keys and values of all tokens.
        const Share share(layer.qkv.rows / LANES, thread, threads);
        for (int64_t tile = share.from; tile < share.to; ++tile) {
            multiply(planes, layer.qkv, tile, normal.data(), step.tokens, sums.data());
            add_adapter(layer.qkv_adapter, narrow, tile, sums.data());
            for (int64_t m = 0; m < step.tokens; ++m) {
                const __m256 bias = layer.bias ? _mm256_loadu_ps(layer.bias + tile * LANES) : _mm256_setzero_ps();
                _mm256_storeu_ps(mixed + m * layer.qkv.rows + tile * LANES, _mm256_add_ps(sums[m], bias));
            }
        }
    }

    void rotate(float* x, int64_t position) const {
        const int64_t half = model.width / 2;
        const float *c = model.cosines + position * model.width, *s = model.sines + position * model.width;
        for (int64_t i = 0; i < half; ++i) {
            const float a = x[i], b = x[i + half];
            x[i] = a * c[i] - b * s[i];
            x[i + half] = b * c[i + half] + a * s[i + half];
        }
    }

    // Turn queries and keys by their positions, and keep keys and values.
    void place(int64_t number) {
        const int64_t all = model.heads + 2 * model.key_heads, width = model.width;
        const Share share(step.tokens * all, thread, threads);
        for (int64_t item = share.from; item < share.to; ++item) {
            const int64_t m = item / all, head = item % all, key = (head - model.heads) % model.key_heads;
            float* own = mixed + m * all * width + head * width;
            if (head < model.heads + model.key_heads) rotate(own, step.position[m]);
            if (head < model.heads) continue;
            float* const* store = head < model.heads + model.key_heads ? step.keys : step.values;
            float* target = store[number] + ((step.row[m] * model.key_heads + key) * step.length + step.position[m]) * width;
            std::memcpy(target, own, width * sizeof(float));
        }
    }

    void attend(int64_t number) {
        const int64_t all = model.heads + 2 * model.key_heads, width = model.width, held_most = step.length;
        const Share share(step.tokens * model.heads, thread, threads);
        for (int64_t item = share.from; item < share.to; ++item) {
            const int64_t m = item / model.heads, head = item % model.heads, held = step.position[m] + 1;
            const int64_t start = (step.row[m] * model.key_heads + head / (model.heads / model.key_heads)) * held_most * width;
            const float *query = mixed + m * all * width + head * width, *keys = step.keys[number] + start;
            attend_one(query, keys, step.values[number] + start, held, attended + (m * model.heads + head) * width);
        }
    }

    void attend_one(const float* query, const float* keys, const float* values, int64_t held, float* out) {
        const int64_t width = model.width, padded = (held + LANES - 1) / LANES * LANES;
        float* score = scores.data();
        float top = -INFINITY;
        for (int64_t i = 0; i < held; ++i) {
            score[i] = dot(query, keys + i * width, width) * static_cast<float>(model.scale);
            top = score[i] > top ? score[i] : top;
        }
        for (int64_t i = held; i < padded; ++i) score[i] = -INFINITY;
        __m256 sum = _mm256_setzero_ps();
        for (int64_t i = 0; i < padded; i += LANES) {
            const __m256 shifted = _mm256_sub_ps(_mm256_loadu_ps(score + i), _mm256_set1_ps(top));
            const __m256 real = _mm256_cmp_ps(shifted, _mm256_set1_ps(-INFINITY), _CMP_NEQ_OQ);
            const __m256 weight = _mm256_and_ps(exponential(shifted), real);
            _mm256_storeu_ps(score + i, weight);
            sum = _mm256_add_ps(sum, weight);
        }
        const __m256 factor = _mm256_set1_ps(1.0f / total(sum));
        for (int64_t from = 0; from < width; from += 32) {  // Four vectors at a time stay in registers.
            const int64_t count = (width - from < 32 ? width - from : 32) / LANES;
            __m256 part[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
            for (int64_t i = 0; i < held; ++i) {
                const __m256 weight = _mm256_set1_ps(score[i]);
                const float* value = values + i * width + from;
                if (count == 4)
                    for (int k = 0; k < 4; ++k) part[k] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(value + k * LANES), part[k]);
                else
                    for (int k = 0; k < count; ++k) part[k] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(value + k * LANES), part[k]);
            }
            for (int k = 0; k < count; ++k) _mm256_storeu_ps(out + from + k * LANES, _mm256_mul_ps(part[k], factor));
        }
    }

    // states += W x + B A x.
    void add_product(const Matrix& w, const Adapter& adapter, const float* x) {
        const Share share(w.rows / LANES, thread, threads);
        for (int64_t tile = share.from; tile < share.to; ++tile) {
            multiply(planes, w, tile, x, step.tokens, sums.data());
            add_adapter(adapter, narrow, tile, sums.data());
            for (int64_t m = 0; m < step.tokens; ++m) {
                float* target = states + m * model.hidden + tile * LANES;
                _mm256_storeu_ps(target, _mm256_add_ps(_mm256_loadu_ps(target), sums[m]));
            }
        }
    }

    void gate(const Layer& layer) {  // inner = silu(gate x) * (up x)
        const Share share(model.inner / LANES, thread, threads);
        for (int64_t tile = share.from; tile < share.to; ++tile) {
            multiply(planes, layer.gate, tile, normal.data(), step.tokens, sums.data());
            add_adapter(layer.gate_adapter, narrow, tile, sums.data());
            multiply(planes, layer.up, tile, normal.data(), step.tokens, more.data());
            add_adapter(layer.up_adapter, narrow + step.tokens * layer.gate_adapter.rank_sum, tile, more.data());
            for (int64_t m = 0; m < step.tokens; ++m) {
                const __m256 one = _mm256_set1_ps(1.0f), turned = _mm256_sub_ps(_mm256_setzero_ps(), sums[m]);
                const __m256 opened = _mm256_div_ps(sums[m], _mm256_add_ps(one, exponential(turned)));
                _mm256_storeu_ps(inner + m * model.inner + tile * LANES, _mm256_mul_ps(opened, more[m]));
            }
        }
    }

    void normalize_all(const float* weight) {
        for (int64_t m = 0; m < step.tokens; ++m) normalize(states + m * model.hidden, weight, model.hidden, model.eps, normal.data() + m * model.hidden);
    }

    void run() {
        const int64_t hidden = model.hidden;
        const Share share(step.tokens * hidden, thread, threads);
        for (int64_t i = share.from; i < share.to; ++i) states[i] = model.embedding[step.token[i / hidden] * hidden + i % hidden];
        wait();
        for (int64_t number = 0; number < model.layers; ++number) run_layer(model.layer[number], number);
        for (int64_t k = 0; k < step.kept_count; ++k) normalize(states + step.kept[k] * hidden, model.norm, hidden, model.eps, normal.data() + k * hidden);
        const Share words(model.head.rows / LANES, thread, threads);
        for (int64_t tile = words.from; tile < words.to; ++tile) {
            multiply(planes, model.head, tile, normal.data(), step.kept_count, sums.data());
            for (int64_t k = 0; k < step.kept_count; ++k) _mm256_storeu_ps(step.logits + k * model.vocabulary + tile * LANES, sums[k]);
        }
    }

    void run_layer(const Layer& layer, int64_t number) {
        normalize_all(layer.attention_norm);
        narrow_all(layer.qkv_adapter, normal.data(), layer.qkv.columns);
        mix(layer);
        wait();
        place(number);
        wait();
        attend(number);
        wait();
        narrow_all(layer.out_adapter, attended, layer.out.columns);
        add_product(layer.out, layer.out_adapter, attended);
        wait();
        normalize_all(layer.mlp_norm);
        narrow_down(layer.gate_adapter, normal.data(), model.hidden, narrow);
        narrow_down(layer.up_adapter, normal.data(), model.hidden, narrow + step.tokens * layer.gate_adapter.rank_sum);
        if (layer.gate_adapter.rank || layer.up_adapter.rank) wait();
        gate(layer);
        wait();
        narrow_all(layer.down_adapter, inner, layer.down.columns);
        add_product(layer.down, layer.down_adapter, inner);
        wait();
    }

    void narrow_all(const Adapter& adapter, const float* x, int64_t columns) const {
        if (!adapter.rank) return;
        narrow_down(adapter, x, columns, narrow);
        wait();
    }

    static void wait() {
#pragma omp barrier
    }
};

int64_t most_narrow(const Model& model) {  // Numbers that adapters' A give for one token, at most.
    int64_t most = 0;
    for (int64_t i = 0; i < model.layers; ++i) {
        const Layer& l = model.layer[i];
        for (int64_t n : {l.qkv_adapter.rank_sum, l.out_adapter.rank_sum, l.gate_adapter.rank_sum + l.up_adapter.rank_sum, l.down_adapter.rank_sum})
            most = n > most ? n : most;
    }
    return most;
}

}  // namespace

extern "C" {

int64_t nf4_bytes(int64_t rows, int64_t columns) { return rows / LANES * (columns / BLOCK) * BLOCK_BYTES; }

// Pack weights that are NF4 values; returns how many are not. Shape: w (rows, columns), rows a multiple of 8, columns of 64.
int64_t pack_nf4(const float* w, int64_t rows, int64_t columns, uint8_t* packed) {
    int64_t wrong = 0;
#pragma omp parallel for reduction(+ : wrong)
    for (int64_t tile = 0; tile < rows / LANES; ++tile) {
        uint8_t* data = packed + tile * (columns / BLOCK) * BLOCK_BYTES;
        for (int64_t block = 0; block < columns; block += BLOCK, data += BLOCK_BYTES) {
            std::memset(data, 0, BLOCK_BYTES);
            for (int lane = 0; lane < LANES; ++lane) {
                const float* own = w + (tile * LANES + lane) * columns + block;
                float scale = 0.0f;  // The largest weight of a block is 1 or -1 times its scale.
                for (int i = 0; i < BLOCK; ++i) scale = std::fabs(own[i]) > scale ? std::fabs(own[i]) : scale;
                reinterpret_cast<float*>(data)[lane] = scale;
                for (int i = 0; i < BLOCK; ++i) {
                    int code = 0;  // The last value that is not above it.
                    for (int jump = 8; jump; jump /= 2) code += CODE[code + jump] * scale <= own[i] ? jump : 0;
                    wrong += CODE[code] * scale != own[i];
                    const int byte = lane / 4 * 16 + i % 4 * 4 + lane % 4;
                    data[LANES * 4 + i / 8 * 32 + byte] |= static_cast<uint8_t>(code << (i % 8 / 4 * 4));
                }
            }
        }
    }
    return wrong;
}

// Pack weights that are bfloat16 values; returns how many are not. packed: 2 * rows * columns bytes.
int64_t pack_bf16(const float* w, int64_t rows, int64_t columns, uint8_t* packed) {
    int64_t wrong = 0;
#pragma omp parallel for reduction(+ : wrong)
    for (int64_t tile = 0; tile < rows / LANES; ++tile) {
        uint16_t* data = reinterpret_cast<uint16_t*>(packed) + tile * columns * LANES;
        for (int64_t i = 0; i < columns; ++i)
            for (int lane = 0; lane < LANES; ++lane) {
                uint32_t bits;
                std::memcpy(&bits, w + (tile * LANES + lane) * columns + i, sizeof bits);
                wrong += (bits & 0xffff) != 0;
                data[i * LANES + lane] = static_cast<uint16_t>(bits >> 16);
            }
    }
    return wrong;
}

// Run a step; returns 0, or 1 where a number is out of its range, and then nothing was touched.
int64_t run_step(const Model* model, const Step* step) {
    if (step->tokens < 1 || step->kept_count < 0 || step->kept_count > step->tokens || step->threads < 1) return 1;
    for (int64_t m = 0; m < step->tokens; ++m) {
        if (step->token[m] < 0 || step->token[m] >= model->vocabulary || step->row[m] < 0 || step->row[m] >= step->slots) return 1;
        if (step->position[m] < 0 || step->position[m] >= step->length || step->position[m] >= model->positions) return 1;
    }
    for (int64_t k = 0; k < step->kept_count; ++k)
        if (step->kept[k] < 0 || step->kept[k] >= step->tokens) return 1;
    const int64_t wide = model->heads * model->width, all = wide + 2 * model->key_heads * model->width;
    std::vector<float> states(step->tokens * model->hidden), mixed(step->tokens * all), attended(step->tokens * wide);
    std::vector<float> inner(step->tokens * model->inner), narrow(step->tokens * most_narrow(*model));
#pragma omp parallel num_threads(step->threads)
    {
        Worker worker{*model, *step, Planes(), omp_get_thread_num(), omp_get_num_threads(), states.data(), mixed.data(), attended.data(),
                      inner.data(), narrow.data(), std::vector<float>(step->tokens * model->hidden), std::vector<float>(step->length + LANES),
                      std::vector<__m256>(step->tokens), std::vector<__m256>(step->tokens)};
        worker.run();
    }
    return 0;
}
}
