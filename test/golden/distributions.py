"""Densities, entropies, moments, distribution functions and divergences of torch.distributions in float64, with gradients in the parameters."""
import torch
import torch.distributions as D

from harness import generator, put

F64 = torch.float64


def leaf(rng, shape, low, high):
    values = torch.tensor(rng.uniform(low, high, shape).astype('float32')).to(F64).reshape(shape)
    return values.requires_grad_()


def lower(rng, batch, n):
    made = torch.tensor(rng.uniform(-1, 1, [*batch, n, n]).astype('float32')).to(F64).tril(-1)
    return (made + torch.eye(n, dtype=F64) * 1.5).requires_grad_()


POS, ANY, UNIT = (0.25, 3), (-2, 2), (0.1, 0.9)
# The parameters in the order of both constructors: shape and range
FAMILIES = {
    'Normal': [((3,), ANY), ((2, 1), POS)],
    'LogNormal': [((3,), ANY), ((2, 1), (0.25, 1))],
    'Uniform': [((3,), (-2, -1)), ((2, 1), (1, 2))],
    'Exponential': [((2, 3), POS)],
    'Laplace': [((3,), ANY), ((2, 1), POS)],
    'Gamma': [((3,), POS), ((2, 1), POS)],
    'Beta': [((3,), POS), ((2, 1), POS)],
    'Dirichlet': [((2, 3), POS)],
    'Bernoulli': [((2, 3), UNIT)],
    'Geometric': [((2, 3), UNIT)],
    'Poisson': [((2, 3), POS)],
    'Categorical': [((2, 3), POS)],
    'OneHotCategorical': [((2, 3), POS)],
}


def attempt(make):
    try:
        return make()
    except NotImplementedError:
        return None


def result(name, value, leaves):
    grads = torch.autograd.grad(value.sum(), leaves, allow_unused=True, retain_graph=True) if value.requires_grad else [None] * len(leaves)
    return {'name': name, 'value': put(value), 'grads': [None if g is None else put(g) for g in grads]}


def of_family(name, by_logits=False):
    rng = generator(name + str(by_logits))
    shapes = FAMILIES[name]
    params, others = ([leaf(rng, shape, *((-2, 2) if by_logits else span)) for shape, span in shapes] for _ in range(2))
    if name == 'Uniform':
        others = [(p.detach() + d).requires_grad_() for p, d in zip(params, (-1, 1))]
    make = lambda ps: getattr(D, name)(logits=ps[0]) if by_logits else getattr(D, name)(*ps)
    p, q = make(params), make(others)
    torch.manual_seed(3)
    value = p.sample([2]).to(torch.float32).to(F64)
    results = [result('logProb', p.log_prob(value), params)]
    probability = torch.tensor(generator(name + ' icdf').uniform(0.02, 0.98, (2, 3)).astype('float32')).to(F64)
    grown = (4, *p.batch_shape)
    for key, call in (('entropy', p.entropy), ('cdf', lambda: p.cdf(value)), ('icdf', lambda: p.icdf(probability)), ('expanded logProb', lambda: p.expand(grown).log_prob(value[:1])), ('mean', lambda: p.mean), ('variance', lambda: p.variance)):
        made = attempt(call)
        if made is not None and not (made != made).any():
            results.append(result(key, made, params))
    results.append(result('klDivergence', D.kl_divergence(p, q), [*params, *others]))
    return {'name': name, 'logits': by_logits, 'params': [put(x) for x in params], 'others': [put(x) for x in others], 'sample': put(value), 'probability': put(probability), 'results': results}


def multivariate():
    rng = generator('MultivariateNormal')
    params, others = ([leaf(rng, (2, 3), -2, 2), lower(rng, (), 3)] for _ in range(2))
    p, q = (D.MultivariateNormal(loc, scale_tril=tril) for loc, tril in (params, others))
    value = leaf(rng, (4, 2, 3), -2, 2).detach()
    made = (('logProb', p.log_prob(value)), ('entropy', p.entropy()), ('variance', p.variance))
    results = [result(key, x, params) for key, x in made] + [result('klDivergence', D.kl_divergence(p, q), [*params, *others])]
    return {'name': 'MultivariateNormal', 'logits': False, 'params': [put(x) for x in params], 'others': [put(x) for x in others], 'sample': put(value), 'results': results}


def mixture():
    rng = generator('MixtureSameFamily')
    params = [leaf(rng, (2, 3), 0.25, 2), leaf(rng, (2, 3), -2, 2), leaf(rng, (3,), 0.5, 2)]
    p = D.MixtureSameFamily(D.Categorical(params[0]), D.Normal(params[1], params[2]))
    value = leaf(rng, (4, 2), -2, 2).detach()
    made = (('logProb', p.log_prob(value)), ('mean', p.mean), ('variance', p.variance), ('cdf', p.cdf(value)))
    return {'name': 'MixtureSameFamily', 'logits': False, 'params': [put(x) for x in params], 'others': [], 'sample': put(value), 'results': [result(key, x, params) for key, x in made]}


def rows():
    torch.set_default_dtype(torch.float32)
    by_logits = [of_family(name, True) for name in ('Bernoulli', 'Geometric', 'Categorical', 'OneHotCategorical')]
    return {'families': [*map(of_family, FAMILIES), *by_logits, multivariate(), mixture()]}
