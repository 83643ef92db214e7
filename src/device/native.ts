/** @file Functions of native libraries, through the optional package koffi. */
import { nativePackage, nodeProcess } from './environment.ts'

/** What koffi has that is needed here. */
export interface Koffi {
  /** A library by its path; null: the program itself, with the C library. @throws Error where it cannot be loaded */
  load(path: string | null): NativeLibrary
  /** Where the bytes of an array are. */
  address(of: ArrayBufferView): bigint
}
export interface NativeLibrary {
  /** A function by its C declaration. @throws Error where the library has none of that name */
  func(declaration: string): (...of: (number | string)[]) => unknown
  /** Afterwards nothing of it may be called. Systems that unload nothing keep it loaded. */
  unload(): void
}

/** Bun before 1.4 aborts in its garbage collector once koffi has made something (`napi_reference_unref`). */
const aborts = (bun: string | undefined): boolean => bun !== undefined && /^(0|1\.[0-3])\./.test(bun)

/** The package; undefined where it is not installed, or cannot be used. */
export async function importKoffi(): Promise<Koffi | undefined> {
  if (!nodeProcess || aborts(nodeProcess.versions?.bun)) return undefined
  return nativePackage('koffi').then(
    (module) => (module as { readonly default: Koffi }).default,
    () => undefined,
  )
}
