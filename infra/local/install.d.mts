type Entry = { version?: string; integrity?: string; link?: boolean; optional?: boolean };
export function isInstalled(wanted: { packages: Record<string, Entry> }, present: object | undefined): boolean;
export function install(root: string, say: (line: string) => void): Promise<string>;
