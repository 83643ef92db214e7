// The extreme along an axis, and its position there: of an array [outer, size, inner], whose rows (one for each of outer and inner) are searched in parts of
// `part` elements. NaN is the extreme where there is one, and of equals the first counts. The results of a row's parts lie side by side, to be searched again.
//
// Invocations search a part each, `sweep` of them one after the other; or, where it is SHARED, a workgroup searches one part and compares what its
// invocations found through shared memory. Branches on SHARED are decided before compilation (src/device/webgpu/unroll.ts).
//
// The prelude gives: alias T, the type of the elements; const WORKGROUP; fn search(), the sizes; fn load(i), an element; fn position(i, k), where the k-th element
// of a row, at i, counts as standing; fn beats(a, b), whether a is more extreme than b; fn store(i, value, position).

struct Search { points: u32, size: u32, inner: u32, parts: u32, part: u32, sweep: u32 }

// The position is negative while nothing is found.
struct Found { value: T, position: i32 }

var<workgroup> shared_values: array<T, WORKGROUP>;
var<workgroup> shared_positions: array<i32, WORKGROUP>;

// Every `step`-th element of a part, from its `first` on.
fn search_part(point: u32, first: u32, step: u32) -> Found {
  let s = search();
  // (divisions take longer than a search of a few elements)
  var row = point;
  var begin = first;
  var end = s.size;
  if (s.parts > 1u) {
    row = point / s.parts;
    begin = (point - row * s.parts) * s.part;
    end = min(begin + s.part, s.size);
    begin += first;
  }
  if (begin >= end) { return Found(T(), -1); }
  var start = row * s.size;
  if (s.inner > 1u) {
    let outer = row / s.inner;
    start = outer * s.size * s.inner + (row - outer * s.inner);
  }
  var best = load(start + begin * s.inner);
  var best_at = begin;
  for (var k = begin + step; k < end; k += step) {
    let value = load(start + k * s.inner);
    if (beats(value, best)) {
      best = value;
      best_at = k;
    }
  }
  return Found(best, position(start + best_at * s.inner, best_at));
}

// Of two the more extreme one, or the one in front.
fn better(a: Found, b: Found) -> Found {
  let b_counts = b.position >= 0 && (a.position < 0 || beats(b.value, a.value) || (b.position < a.position && !beats(a.value, b.value)));
  if (b_counts) { return b; }
  return a;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = search();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    // The condition is the same in the whole workgroup, so no invocation leaves another alone at a barrier
    if (place >= s.points) { return; }
    var found = search_part(place, lane, WORKGROUP);
    shared_values[lane] = found.value;
    shared_positions[lane] = found.position;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        found = better(found, Found(shared_values[lane + half], shared_positions[lane + half]));
        shared_values[lane] = found.value;
        shared_positions[lane] = found.position;
      }
      workgroupBarrier();
    }
    if (lane == 0u) { store(place, found.value, found.position); }
  } else {
    for (var turn = 0u; turn < s.sweep; turn++) {
      let point = (place * s.sweep + turn) * WORKGROUP + lane;
      if (point >= s.points) { break; }
      let found = search_part(point, 0u, 1u);
      store(point, found.value, found.position);
    }
  }
}
