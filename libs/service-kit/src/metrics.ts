/** Metrics of one process, in Prometheus form. Owns the registry; names begin with `sallyport_`. Labels never hold ids: their number must stay bounded. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Labels = Record<string, string | number>;

export interface Metrics {
  /** `add(labels, by = 1)`. The same name again gives the same counter. */
  counter(name: string, help: string, labels?: readonly string[]): (labels?: Labels, by?: number) => void;
  /** Seconds unless the name says otherwise. */
  histogram(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): (labels: Labels, value: number) => void;
  /** `read` is asked at each scrape. The same name may come again with other labels. */
  gauge(name: string, help: string, read: () => number, labels?: Record<string, string>): void;
  text(): Promise<string>;
  contentType: string;
}

export const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  const gauges = new Map<string, { read: () => number; labels: Record<string, string> }[]>();
  return {
    counter: (name, help, labelNames = []) => {
      const known =
        counters.get(name) ?? new Counter({ name: `sallyport_${name}`, help, labelNames: [...labelNames], registers: [registry] });
      counters.set(name, known);
      return (labels = {}, by = 1) => known.inc(labels, by);
    },
    histogram: (name, help, labelNames = [], buckets = LATENCY_BUCKETS) => {
      const options = { name: `sallyport_${name}`, help, labelNames: [...labelNames], buckets: [...buckets], registers: [registry] };
      const known = histograms.get(name) ?? new Histogram(options);
      histograms.set(name, known);
      return (labels, value) => known.observe(labels, value);
    },
    gauge: (name, help, read, labels = {}) => {
      const known = gauges.get(name);
      if (known) return void known.push({ read, labels });
      const readers = [{ read, labels }];
      gauges.set(name, readers);
      new Gauge({
        name: `sallyport_${name}`,
        help,
        labelNames: Object.keys(labels),
        registers: [registry],
        collect() {
          for (const reader of readers) this.set(reader.labels, reader.read());
        },
      });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
