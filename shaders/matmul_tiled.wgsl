// out[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n], in tiles of shared memory: the form for graphics hardware.
// A workgroup of (TILE_M / 4 / MORE_M) x (TILE_N / 4) invocations computes TILE_M x TILE_N outputs; an invocation holds 4 * MORE_M rows x 4 columns in
// registers. Panels of TILE_K lie k-major in shared memory as vectors along m and n, so that per k an invocation reads MORE_M + 1 vectors for
// 16 * MORE_M multiply-adds (f32). The next panel is read into registers before the multiplication of the present one, which hides its latency.
//
// A LONG sum is taken in parts, lest what its additions lose add up: each part joins the totals, and its own loss the rests in a very long one.
//
// The prelude gives: const TILE_M, TILE_N, TILE_K, MORE_M, THREADS, A_ALONG_K, B_ALONG_K, LONG, KEEPS_REST; fn contract(); fn all_bits(), 0xffffffff; fn load_a(i), load_b(i): an element by its
// position; fn row_of(m), column_of(n): places along the two sides, taken apart; fn start_a(batch, row), start_b(batch, column): where a row of a and a
// column of b begin; fn step_a(k), step_b(k): how far on the k-th term lies;
// fn store(batch, row, column, sum).

var<workgroup> panel_a: array<vec4<f32>, TILE_K * TILE_M / 4u>;
var<workgroup> panel_b: array<vec4<f32>, TILE_K * TILE_N / 4u>;

const VECTORS_A = TILE_K * TILE_M / 4u / THREADS;
const VECTORS_B = TILE_K * TILE_N / 4u / THREADS;

// Where four rows of a begin, and four columns of b; past the edge stands the last one.
fn starts_a(batch: u32, m: u32, c: Contract) -> vec4<u32> {
  let r = min(vec4<u32>(m, m + 1u, m + 2u, m + 3u), vec4<u32>(c.m - 1u));
  return vec4<u32>(start_a(batch, row_of(r.x)), start_a(batch, row_of(r.y)), start_a(batch, row_of(r.z)), start_a(batch, row_of(r.w)));
}
fn starts_b(batch: u32, n: u32, c: Contract) -> vec4<u32> {
  let q = min(vec4<u32>(n, n + 1u, n + 2u, n + 3u), vec4<u32>(c.n - 1u));
  return vec4<u32>(start_b(batch, column_of(q.x)), start_b(batch, column_of(q.y)), start_b(batch, column_of(q.z)), start_b(batch, column_of(q.w)));
}

// Four rows of a at one k, zero past its end. Rows past the edge are multiplied and not stored.
fn read_a(starts: vec4<u32>, k: u32, c: Contract) -> vec4<f32> {
  let at = starts + step_a(min(k, c.k - 1u));
  return select(vec4<f32>(), vec4<f32>(load_a(at.x), load_a(at.y), load_a(at.z), load_a(at.w)), k < c.k);
}

// Four columns of b at one k.
fn read_b(starts: vec4<u32>, k: u32, c: Contract) -> vec4<f32> {
  let at = starts + step_b(min(k, c.k - 1u));
  return select(vec4<f32>(), vec4<f32>(load_b(at.x), load_b(at.y), load_b(at.z), load_b(at.w)), k < c.k);
}

// Which vector (m or n in fours, k) of a panel the slot-th one of an invocation is: neighbours walk along the axis that lies adjacent in memory.
fn place(slot: u32, fours: u32, along_k: bool) -> vec2<u32> {
  if (along_k) { return vec2<u32>(slot / TILE_K, slot % TILE_K); }
  return vec2<u32>(slot % fours, slot / fours);
}

fn held_vector(x: vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) & vec4<u32>(all_bits())); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let c = contract();
  let tiles_n = (c.n + TILE_N - 1u) / TILE_N;
  let tiles_m = (c.m + TILE_M - 1u) / TILE_M;
  let tile = group.x + group.y * 65535u;
  let batch = tile / (tiles_n * tiles_m);
  // the same in the whole workgroup, so no invocation leaves another alone at a barrier
  if (batch >= c.batches) { return; }
  let rest = tile - batch * tiles_n * tiles_m;
  let m0 = (rest / tiles_n) * TILE_M;
  let n0 = (rest % tiles_n) * TILE_N;
  let column = lane % (TILE_N / 4u);
  let row = lane / (TILE_N / 4u);

  var from_a: array<vec4<u32>, VECTORS_A>;
  var from_b: array<vec4<u32>, VECTORS_B>;
  var next_a: array<vec4<f32>, VECTORS_A>;
  var next_b: array<vec4<f32>, VECTORS_B>;
  var sums: array<vec4<f32>, 4u * MORE_M>;
  var totals: array<vec4<f32>, 4u * MORE_M>;
  var rests: array<vec4<f32>, 4u * MORE_M>;
  for (var v = 0u; v < VECTORS_A; v++) {
    let at = place(lane + v * THREADS, TILE_M / 4u, A_ALONG_K);
    from_a[v] = starts_a(batch, m0 + at.x * 4u, c);
    next_a[v] = read_a(from_a[v], at.y, c);
  }
  for (var v = 0u; v < VECTORS_B; v++) {
    let at = place(lane + v * THREADS, TILE_N / 4u, B_ALONG_K);
    from_b[v] = starts_b(batch, n0 + at.x * 4u, c);
    next_b[v] = read_b(from_b[v], at.y, c);
  }
  for (var k0 = 0u; k0 < c.k; k0 += TILE_K) {
    for (var v = 0u; v < VECTORS_A; v++) {
      let at = place(lane + v * THREADS, TILE_M / 4u, A_ALONG_K);
      panel_a[at.y * (TILE_M / 4u) + at.x] = next_a[v];
    }
    for (var v = 0u; v < VECTORS_B; v++) {
      let at = place(lane + v * THREADS, TILE_N / 4u, B_ALONG_K);
      panel_b[at.y * (TILE_N / 4u) + at.x] = next_b[v];
    }
    workgroupBarrier();
    for (var v = 0u; v < VECTORS_A; v++) {
      let at = place(lane + v * THREADS, TILE_M / 4u, A_ALONG_K);
      next_a[v] = read_a(from_a[v], k0 + TILE_K + at.y, c);
    }
    for (var v = 0u; v < VECTORS_B; v++) {
      let at = place(lane + v * THREADS, TILE_N / 4u, B_ALONG_K);
      next_b[v] = read_b(from_b[v], k0 + TILE_K + at.y, c);
    }
    for (var k = 0u; k < TILE_K; k++) {
      let b = panel_b[k * (TILE_N / 4u) + column];
      for (var i = 0u; i < MORE_M; i++) {
        let a = panel_a[k * (TILE_M / 4u) + row * MORE_M + i];
        sums[i * 4u] = fma(vec4<f32>(a.x), b, sums[i * 4u]);
        sums[i * 4u + 1u] = fma(vec4<f32>(a.y), b, sums[i * 4u + 1u]);
        sums[i * 4u + 2u] = fma(vec4<f32>(a.z), b, sums[i * 4u + 2u]);
        sums[i * 4u + 3u] = fma(vec4<f32>(a.w), b, sums[i * 4u + 3u]);
      }
    }
    workgroupBarrier();
    if (LONG && ((k0 + TILE_K) % c.part == 0u || k0 + TILE_K >= c.k)) {
      for (var i = 0u; i < 4u * MORE_M; i++) {
        let next = held_vector(totals[i] + sums[i]);
        if (KEEPS_REST) { rests[i] += sums[i] - (next - totals[i]); }
        totals[i] = next;
        sums[i] = vec4<f32>();
      }
    }
  }
  for (var j = 0u; j < 4u; j++) {
    let n = n0 + column * 4u + j;
    if (n >= c.n) { break; }
    let place = column_of(n);
    for (var i = 0u; i < 4u * MORE_M; i++) {
      let m = m0 + row * 4u * MORE_M + i;
      if (m < c.m) { store(batch, row_of(m), place, select(sums[i][j], with_rest(totals[i][j], rests[i][j]), LONG)); }
    }
  }
}
