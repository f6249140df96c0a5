/** Who owns a partition: rendezvous hashing over the live workers (detectors.md §1.8). Pure. A worker that comes or goes moves only its share. */
import { createHash } from 'node:crypto';

export function ownerOf(partition: number, workers: readonly string[]): string | null {
  let best: { worker: string; weight: string } | null = null;
  for (const worker of workers) {
    const weight = createHash('sha256').update(`${partition} ${worker}`).digest('hex');
    if (!best || weight > best.weight || (weight === best.weight && worker > best.worker)) best = { worker, weight };
  }
  return best?.worker ?? null;
}

export function ownedBy(worker: string, workers: readonly string[], partitions: number): number[] {
  return Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => ownerOf(partition, workers) === worker);
}
