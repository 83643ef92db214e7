/** @file The part of WebAssembly's JavaScript interface that the device uses; the library is compiled without the browser's types. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer
  /** Makes it `pages` of 64 KiB larger. @throws RangeError */
  grow(pages: number): number
}

interface WasmInterface {
  readonly Memory: new (description: { initial: number; maximum: number; shared: boolean }) => WasmMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  validate(bytes: Uint8Array): boolean
}

/** The engine's WebAssembly; undefined where there is none. */
export const wasm = (globalThis as unknown as { WebAssembly?: WasmInterface }).WebAssembly
