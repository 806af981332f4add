// Parameters of a command as a form, by the JSON Schema that its template gives.
import type { Json, JsonObject } from '@/api/control';

export interface ParamField {
  name: string;
  kind: 'number' | 'integer' | 'boolean' | 'choice' | 'text' | 'json';
  required: boolean;
  label: string;
  help: string;
  choices: string[];
}

const text = (v: Json | undefined): string => (typeof v === 'string' ? v : '');
const isObject = (v: Json | undefined): v is JsonObject =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

function kindOf(schema: JsonObject): ParamField['kind'] {
  if (Array.isArray(schema.enum)) return 'choice';
  if (schema.const !== undefined) return 'choice';
  if (schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean')
    return schema.type;
  return schema.type === 'string' ? 'text' : 'json';
}

/** The bounds that a schema sets, in words. */
function bounds(schema: JsonObject): string {
  const { minimum, maximum } = schema;
  if (typeof minimum === 'number' && typeof maximum === 'number') return `${minimum} to ${maximum}`;
  if (typeof minimum === 'number') return `at least ${minimum}`;
  if (typeof maximum === 'number') return `at most ${maximum}`;
  return '';
}

/** The fields of a schema; none when it does not describe an object with members. */
export function fieldsOf(schema: JsonObject | null): ParamField[] {
  if (!schema || !isObject(schema.properties)) return [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).map(([name, raw]) => {
    const of = isObject(raw) ? raw : {};
    const choices = Array.isArray(of.enum) ? of.enum : of.const !== undefined ? [of.const] : [];
    return {
      name,
      kind: kindOf(of),
      required: required.includes(name),
      label: text(of.title) || name.replaceAll('_', ' '),
      help: [text(of.description), bounds(of)].filter(Boolean).join('; '),
      choices: choices.map((c) => JSON.stringify(c)),
    };
  });
}

/** The parameters that the typed texts are; a fault for what they can't be. */
export function readFields(
  fields: ParamField[],
  values: Record<string, string>,
): { params: JsonObject; faults: Record<string, string> } {
  const params: JsonObject = {};
  const faults: Record<string, string> = {};
  for (const field of fields) {
    const value = values[field.name] ?? '';
    if (value.trim() === '') {
      if (field.required) faults[field.name] = 'This is needed.';
      continue;
    }
    if (field.kind === 'text') {
      params[field.name] = value;
      continue;
    }
    if (field.kind === 'number' || field.kind === 'integer') {
      const n = Number(value);
      if (!Number.isFinite(n)) faults[field.name] = 'A number.';
      else if (field.kind === 'integer' && !Number.isInteger(n))
        faults[field.name] = 'A whole number.';
      else params[field.name] = n;
      continue;
    }
    try {
      params[field.name] = JSON.parse(value) as Json;
    } catch {
      faults[field.name] = 'JSON, e.g. "text", 7 or [1, 2].';
    }
  }
  return { params, faults };
}
