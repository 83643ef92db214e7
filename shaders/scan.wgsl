// Scans an array [outer, size, inner] along its middle axis: each row (one for each of outer and inner) in the order of its elements or against it, in parts of
// `part` elements. Where rows have several parts, this runs three times: over the parts by themselves, over what those come to, a scan of states that lie
// [parts, rows], and over the parts again, each from the state in front of it.
//
// Invocations scan a part each, `sweep` of them one after the other; or, where it is SHARED, a workgroup scans one part, tile by tile: each invocation joins
// ITEMS neighbours, and then all invocations what theirs came to, in shared memory. Where it REDUCES, what a part comes to is all that is stored; where it
// CONTINUES, a part begins with the state in front of it. Branches on these are decided before compilation (src/device/webgpu/unroll.ts).
//
// The prelude gives: struct State; const WORKGROUP, ITEMS; fn scan(), the sizes; fn none(), the state of no elements; fn join(a, b), that of what a is of and then
// what b is of; fn load(i, along), that of the element at i, which stands at `along` in its row; fn before(point), that in front of a part; fn store(i, state)
// and fn keep(point, state), which store the results up to an element and the state of a part.

// The k-th element of a row, as scanned, stands at first + k step; all of it modulo 2^32.
struct Scan { points: u32, rows: u32, parts: u32, part: u32, size: u32, inner: u32, first: u32, step: u32, sweep: u32 }

// Where the row of a part begins, and which of its elements the part has.
struct Part { start: u32, begin: u32, end: u32 }

fn part_at(point: u32) -> Part {
  let s = scan();
  // (divisions take longer than a scan of a few elements)
  var row = point;
  var begin = 0u;
  if (s.parts > 1u) {
    let part = point / s.rows;
    row = point - part * s.rows;
    begin = part * s.part;
  }
  var start = row * s.size;
  if (s.inner > 1u) {
    let outer = row / s.inner;
    start = outer * s.size * s.inner + (row - outer * s.inner);
  }
  return Part(start, begin, min(begin + s.part, s.size));
}

fn place_of(part: Part, k: u32) -> u32 {
  let s = scan();
  return part.start + (s.first + k * s.step) * s.inner;
}

fn element(part: Part, k: u32) -> State {
  let s = scan();
  return load(place_of(part, k), s.first + k * s.step);
}

fn beginning(point: u32) -> State {
  if (CONTINUES) {
    if (point >= scan().rows) { return before(point - scan().rows); }
  }
  return none();
}

var<workgroup> shared_states: array<State, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = scan();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    // Conditions and bounds are the same in the whole workgroup, so no invocation leaves another alone at a barrier
    if (place >= s.points) { return; }
    let part = part_at(place);
    var carry = beginning(place);
    for (var tile = part.begin; tile < part.end; tile += WORKGROUP * ITEMS) {
      let first = tile + lane * ITEMS;
      let last = min(first + ITEMS, part.end);
      var own = none();
      for (var k = first; k < last; k++) { own = join(own, element(part, k)); }
      shared_states[lane] = own;
      workgroupBarrier();
      for (var reach = 1u; reach < WORKGROUP; reach *= 2u) {
        if (lane >= reach) { own = join(shared_states[lane - reach], own); }
        workgroupBarrier();
        shared_states[lane] = own;
        workgroupBarrier();
      }
      if (REDUCES) {} else {
        var state = carry;
        if (lane > 0u) { state = join(carry, shared_states[lane - 1u]); }
        for (var k = first; k < last; k++) {
          state = join(state, element(part, k));
          store(place_of(part, k), state);
        }
      }
      carry = join(carry, shared_states[WORKGROUP - 1u]);
      workgroupBarrier();
    }
    if (REDUCES) {
      if (lane == 0u) { keep(place, carry); }
    }
  } else {
    for (var turn = 0u; turn < s.sweep; turn++) {
      let point = (place * s.sweep + turn) * WORKGROUP + lane;
      if (point >= s.points) { break; }
      let part = part_at(point);
      var state = beginning(point);
      for (var k = part.begin; k < part.end; k++) {
        state = join(state, element(part, k));
        if (REDUCES) {} else { store(place_of(part, k), state); }
      }
      if (REDUCES) { keep(point, state); }
    }
  }
}
