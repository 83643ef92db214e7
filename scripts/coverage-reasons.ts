/**
 * @file Why a public name of PyTorch is not looked for here: it cannot apply, or it comes later. Each reason has patterns of whole names; the first that
 * fits is given. And the names that are another's here, where the naming rule does not reach.
 */

export type Module = 'torch' | 'Tensor' | 'functional' | 'nn' | 'init' | 'utils' | 'optim' | 'lrScheduler'

export interface Reason {
  readonly state: 'not applicable' | 'later'
  readonly why: string
  /** Whole names of any module, or of `only`; a class is written `Name class`. */
  readonly names: RegExp
  readonly only?: readonly Module[]
}

/** A pattern of whole names, from words that are separated by blanks; in them `*` stands for any letters. */
const words = (text: string): RegExp => new RegExp(`^(?:${text.trim().split(/\s+/).join('|').replaceAll('*', '\\w*')})$`)

export const REASONS: readonly Reason[] = [
  {
    state: 'later',
    why: 'linear algebra',
    names: words(
      'cholesky* det eig geqrf inverse lobpcg logdet lstsq lu lu_* matrix_exp matrix_rank nuclear_norm orgqr ormqr pca_lowrank pinverse qr slogdet solve svd svd_lowrank symeig triangular_solve',
    ),
  },
  { state: 'later', why: 'Fourier transforms', names: words('stft istft has_spectral') },
  {
    state: 'later',
    why: 'complex numbers',
    names: words(
      'angle cdouble cfloat chalf complex complex32 complex64 complex128 conj conj_physical conj_physical_ H mH imag is_conj polar real resolve_conj vdot view_as_complex* view_as_real*',
    ),
  },
  {
    state: 'later',
    why: 'recurrent layers',
    names: words('gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell multi_head_attention_forward'),
    only: ['torch', 'functional'],
  },
  {
    state: 'not applicable',
    why: 'sparse tensors',
    names: words(
      '*sparse* ccol_indices* coalesce col_indices* crow_indices* dense_dim dsmm hsmm hspmm indices indices_copy is_coalesced row_indices* saddmm smm spmm sspaddmm to_dense to_mkldnn values values_copy SparseAdam',
    ),
  },
  {
    state: 'not applicable',
    why: 'quantized tensors of PyTorch',
    names: words(
      'choose_qparams_optimized dequantize empty_quantized fake_quantize* fbgemm* fused_moving_avg_obs_fake_quant int_repr is_quantized per_channel_* per_tensor_* q_* qint* qscheme quantize* quint* ',
    ),
  },
  { state: 'not applicable', why: 'named tensors', names: words('align_* has_names name names refine_names rename rename_ resize_named*') },
  { state: 'not applicable', why: 'nested tensors', names: words('is_nested to_padded_tensor') },
  {
    state: 'not applicable',
    why: 'jit and other classes of PyTorch itself',
    names:
      /^(?!Tensor class|Generator class|Size class|dtype class|device class|finfo class|iinfo class|no_grad class|enable_grad class|inference_mode class|set_grad_enabled class|autocast class)\w+ class$/,
    only: ['torch', 'functional'],
  },
  {
    state: 'not applicable',
    why: 'jit and other things of PyTorch itself',
    names: words(
      'AVG Any Callable CONV_BN_FUSION FUSE_ADD_RELU HOIST_CONV_PACKED_PARAMS INSERT_FOLD_PREPACK_OPS Optional PRIVATE_OPS REMOVE_DROPOUT SUM Set TYPE_CHECKING ' +
        'USE_GLOBAL_DEPS USE_RTLD_GLOBAL_WITH_LIBTORCH Union List Tuple BroadcastingList* GRID_SAMPLE_* DType attr candidate classproperty code fork wait ' +
        'import_ir_module* merge_type_from_type_comment obj parse_* range read_vitals set_vital typename unify_type_list vitals_enabled compiled_with_cxx11_abi ' +
        'as_subclass legacy_contiguous_format reproducibility_notes sparse_support_notes tf32_notes assert_int_or_pair boolean_dispatch handle_torch_function ' +
        'has_torch_function* factory_kwargs Counter EPOCH_DEPRECATION_WARNING bisect_right wraps',
    ),
  },
  {
    state: 'not applicable',
    why: 'storage, strides and memory formats: a tensor is a value',
    names: words(
      'as_strided* asarray channels_last* contiguous_format data_ptr empty_strided from_dlpack from_file frombuffer is_contiguous is_inference is_pinned is_set_to is_shared is_storage layout memory_format new new_empty_strided pin_memory preserve_format record_stream resize resize_* resize_as resize_as_ set_ share_memory_ storage storage_offset storage_type stride strided to_dlpack untyped_storage is_neg resolve_neg output_nr volatile',
    ),
  },
  {
    state: 'not applicable',
    why: 'a view that shares no memory is what views are here',
    names: words('*_copy unsafe_chunk unsafe_split unsafe_split_with_sizes'),
  },
  {
    state: 'not applicable',
    why: 'CUDA and other backends',
    names: words(
      'cuda cudnn_* miopen_* mkldnn_* has_* ipu xpu is_cpu is_cuda is_ipu is_meta is_mkldnn is_mps is_ort is_vulkan is_vulkan_available is_xpu get_device batch_norm_backward_elemt batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats* batch_norm_stats batch_norm_update_stats DataParallel SyncBatchNorm convert_conv2d_weight_memory_format',
    ),
  },
  {
    state: 'not applicable',
    why: 'settings of a process',
    names: words(
      'is_inference_mode_enabled autocast_*crement_nesting clear_autocast_cache get_autocast_* get_default_dtype get_deterministic_debug_mode get_file_path get_float32_matmul_precision get_num_* init_num_threads is_autocast_* is_anomaly_check_nan_enabled is_deterministic_algorithms_warn_only_enabled is_warn_always_enabled prepare_multiprocessing_environment set_autocast_* set_default_dtype set_default_tensor_type set_deterministic_debug_mode set_float32_matmul_precision set_flush_denormal set_num_* set_warn_always',
    ),
  },
  {
    state: 'not applicable',
    why: 'internal to the functions of the same name',
    names: words(
      'affine_grid_generator grid_sampler* native_* convolution norm_except_dim batch_norm_* embedding_renorm_ feature_dropout feature_dropout_ conv_tbc',
    ),
    only: ['torch'],
  },
  {
    state: 'not applicable',
    why: 'old dtypes of PyTorch: int64, int16',
    names: words('int16 int64 short'),
  },
  {
    state: 'not applicable',
    why: 'a Python callback for each element',
    names: words('apply_ map_ map2_'),
  },
  {
    state: 'not applicable',
    why: 'unused in PyTorch or gone from it',
    names: words('is_distributed reinforce Container NLLLoss2d CrossMapLRN2d'),
  },
  {
    state: 'not applicable',
    why: 'another module that is seen here',
    names: /^(Tensor|Optimizer) class$/,
    only: ['functional', 'init', 'lrScheduler'],
  },
  { state: 'later', why: 'the rest of nn and its utilities', names: /./, only: ['nn', 'init', 'utils'] },
  { state: 'later', why: 'the rest of the optimizers and schedules', names: /./, only: ['optim', 'lrScheduler'] },
]

/** What stands for a name that the rule does not lead to; the key is the module and the name. */
export const OTHERWISE: Readonly<Record<string, string>> = {
  'torch.var': 'variance',
  'torch.load': 'loadState',
  'torch.save': 'saveState',
  'torch.is_tensor': 'x instanceof Tensor',
  'torch.from_numpy': 'tensor(data)',
  'torch.pi': 'Math.PI',
  'torch.e': 'Math.E',
  'torch.inf': 'Infinity',
  'torch.nan': 'NaN',
  'torch.bfloat16': "'bfloat16'",
  'torch.bool': "'bool'",
  'torch.double': "'float64'",
  'torch.float': "'float32'",
  'torch.float16': "'float16'",
  'torch.float32': "'float32'",
  'torch.float64': "'float64'",
  'torch.half': "'float16'",
  'torch.int': "'int32'",
  'torch.int32': "'int32'",
  'torch.int8': "'int8'",
  'torch.long': "'int32'",
  'torch.uint8': "'uint8'",
  'torch.dtype': 'DType',
  'torch.device': 'DeviceName',
  'torch.Size': 'Shape',
  'torch.autocast': 'amp.autocast',
  'torch.default_generator': 'defaultGenerator',
  'torch.get_rng_state': 'defaultGenerator.getState',
  'torch.set_rng_state': 'defaultGenerator.setState',
  'torch.initial_seed': 'defaultGenerator.initialSeed',
  'torch.set_anomaly_enabled': 'setDetectAnomaly',
  'Tensor.numpy': 'toNdarray',
  'Tensor.tolist': 'toArray',
  'Tensor.data': 'detach',
  'Tensor.type': 'to',
  'Tensor.dim': 'ndim',
  'Tensor.byte': "to('uint8')",
  'Tensor.char': "to('int8')",
}
