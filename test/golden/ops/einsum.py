"""Cases of src/ops/einsum.ts."""
from harness import INF, NAN, bvals, case, ivals, rand, vals

BIG = 2 ** 24 + 1

EQUATIONS = (
    ('ij,jk->ik', (2, 3), (3, 4)), ('bij,bjk->bik', (5, 2, 3), (5, 3, 4)), ('bij,bjk->ikb', (5, 2, 3), (5, 3, 4)), ('ij,jk', (2, 3), (3, 4)), ('ba', (2, 3)),
    ('ij,jk->ki', (2, 3), (3, 4)), ('bhqd,bhkd->bhqk', (2, 2, 3, 4), (2, 2, 5, 4)), ('bqhd,bkhd->bhqk', (2, 3, 2, 4), (2, 5, 2, 4)), ('i,i->', (3,), (3,)),
    ('i,i->i', (3,), (3,)), ('i,j->ij', (3,), (4,)), ('ij,j->i', (3, 4), (4,)), ('ij->', (2, 3)), ('ij->j', (2, 3)), ('ij->ji', (2, 3)), ('ij->ij', (2, 3)),
    ('ii->i', (3, 3)), ('ii', (3, 3)), ('iji->j', (3, 2, 3)), ('iii->i', (3, 3, 3)), ('iijj->ij', (2, 2, 3, 3)), ('ii,ij->j', (3, 3), (3, 2)),
    ('...ij,...jk->...ik', (2, 1, 2, 3), (5, 3, 4)), ('...ij,jk', (2, 2, 3), (3, 4)), ('i...->...', (2, 3, 4)), ('...i,...i->...', (2, 4), (3, 1, 4)),
    ('i...j->ij...', (2, 3, 4, 5)), ('...->', (2, 3)), ('...ij->ij', (2, 3, 2)), (' i j , j k -> i k ', (2, 3), (3, 4)), ('aB,Bc', (2, 3), (3, 4)), ('Ba', (2, 3)),
    ('ij,jk->ik', (2, 1), (3, 4)), ('bij,bjk->bik', (1, 2, 3), (5, 3, 4)), ('ab,bc,cd,de->ae', (2, 3), (3, 4), (4, 2), (2, 5)),
    ('ij,kl,jk,mi,l->m', (2, 3), (4, 5), (3, 4), (3, 2), (5,)), ('i,i,i->i', (3,), (3,), (3,)), ('a,b,c->abc', (2,), (3,), (2,)), (',ij->ij', (), (2, 3)),
    ('ij,jk->ik', (2, 0), (0, 3)), ('ij,jk->ik', (0, 2), (2, 3)), ('ij->i', (2, 0)), ('ijkl,klm->ijm', (2, 3, 2, 2), (2, 2, 3)),
    ('abcd,cefb->aefd', (2, 3, 2, 4), (2, 2, 3, 3)), ('bij,oik,bkj->bo', (2, 2, 3), (4, 2, 3), (2, 3, 3)), ('ij,jk->ik', (5, 9), (9, 7)),
)


def cases():
    for equation, *shapes in EQUATIONS:
        note = f'{equation} of {" ".join(str(list(s)) for s in shapes)}'
        case('einsum', [rand(*s) for s in shapes], [equation, *(f'${i}' for i in range(len(shapes)))], note)
    case('einsum', [rand(2, 3), rand(3, 4)], ['$0', [0, 1], '$1', [1, 2], [0, 2]], 'lists')
    case('einsum', [rand(2, 3), rand(3, 4)], ['$0', [30, 5], '$1', [5, 1]], 'lists, result by the alphabet')
    case('einsum', [rand(2, 3), rand(3, 4)], ['ij,jk->ik', ['$0', '$1']], 'operands in an array')
    case('einsum', [vals([[1, INF], [NAN, 1]]), vals([[1, 0], [2, 1]])], ['ij,jk->ik', '$0', '$1'], 'infinity and NaN')
    case('einsum', [ivals([[BIG, 1], [-3, 2]]), ivals([[1, 3], [2, 5]])], ['ij,jk->ki', '$0', '$1'], 'integers past 2^24')
    case('einsum', [ivals([[BIG, 1], [-3, 2]])], ['ii', '$0'], 'trace of integers')
    case('einsum', [bvals([True, False]), bvals([True, True])], ['i,i->i', '$0', '$1'], 'bools')
    case('einsum', [bvals([[True, False], [True, True]])], ['ij->ji', '$0'], 'bools transposed')
