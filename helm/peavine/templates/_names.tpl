{{- define "peavine.name" -}}
{{- $chart := default "peavine" .Values.nameOverride }}
{{- $name := .Release.Name }}
{{- if not (contains $chart $name) }}{{ $name = printf "%s-%s" $name $chart }}{{ end }}
{{- default $name .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "peavine.selector" -}}
app.kubernetes.io/name: peavine-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "peavine.labels" -}}
{{ include "peavine.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: peavine
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The operator's or the runtime's image; `image` says which. global.imageRegistry takes the place of its registry. */}}
{{- define "peavine.image" -}}
{{- $image := .root.Values.image }}
{{- $repository := index $image .image }}
{{- with (.root.Values.global).imageRegistry }}
{{- $repository = printf "%s/%s" . (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") }}
{{- end }}
{{- $repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- with index $image (printf "%sDigest" .image) }}@{{ . }}{{ end }}
{{- end }}
