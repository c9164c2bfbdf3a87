# Copyright (c) monai_r2c contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

from __future__ import annotations

import importlib
import pkgutil

import pytest
from monai.bundle import ComponentLocator

import monai_r2c

# what users import; removing or renaming one of these breaks somebody's pipeline
PUBLIC = {
    "networks": """
        ModelSettings NativeGenerator NativeRestorer OperationalConv1d OperationalConv2d OperationalConv3d
        OperationalConvTranspose1d OperationalConvTranspose2d OperationalConvTranspose3d OperationalConvolution
        R2CClassifier R2CDiscriminator R2CGenerator R2CRestorer WrappedGenerator WrappedRestorer annotate_model
        as_generator as_restorer average_models box_path build_generator build_restorer check_network describe_model
        find_model from_operational glorot_uniform_ has_degrader load_degrader load_published_arrays load_restorer
        model_digest model_path read_settings restorer_like save_model set_memory_format start_from thumbnail_settings
        to_device to_operational usual_memory_format
    """,
    "losses": """
        DiscriminatorPenalty R1Penalty RestoreToClassifyLoss UnpairedDiscriminatorLoss
    """,
    "engines": """
        Execution NonFiniteLossError R2CEvaluator R2CEvents R2CTrainer choose_execution lanes_for
        linear_decay
        prepare_image_batch prepare_unpaired_batch translate_unpaired
    """,
    "inferers": """
        RestorationInferer keeps_native_detail with_tone_of working_size
    """,
    "handlers": """
        BestModel CaseWriter ClassPreservationScores ClassificationScores CycleErrorScores EpochLog
        FeatureDistanceScores HandlerChain ImageTable NIQEScores Preemption QualityScores ReferenceScores
        RestorationFlags RestorationPanel RestorationSaver RoundingError RunCheckpoint RunView ScoresHandler
        StructuralChangeScores TensorBoardDetails TensorBoardLog TerminalProgress Validation add_statistics
        add_statistics_after_training
        write_configuration write_scores
    """,
    "metrics": """
        ClassPreservationMetric ClassificationMetric CycleErrorMetric DESCRIPTIONS EdgeResponse FamiliarityModel
        FeatureDistanceMetric GroupedMetric ImageMetric LayerFeatures NIQEMetric NIQEModel QualityMetric
        ReferenceMetric RestorationCheck SCORES Score ScoreDescription StructuralChangeMetric
        bootstrap_intervals classification_scores confusion_matrix describe_score edge_response fit_familiarity
        fit_niqe frechet_distance kernel_distance layout_features niqe noise_power_spectrum ssim_at_scales
        structural_change structural_change_map unfamiliarity
    """,
    "transforms": """
        LoadRadiograph LoadRadiographD LoadRadiographDict LoadRadiographd RadiographKeys RadiographKind
        RandCollimation RandCollimationd RandCompression RandCompressiond RandContextCropd RandContrastLoss
        RandContrastLossd
        RandExposure RandExposured RandLetters RandLettersd RandLocalContrast RandLocalContrastd RandPoorQuality
        RandPoorQualityd RandQuantumNoise RandQuantumNoised RandRadiographBlur RandRadiographBlurd RandResampling
        RandResamplingd RandToneCurve RandToneCurved RandWidePoorQuality RandWidePoorQualityd RandWindowClipping
        RandWindowClippingd RandShortestd ResizeShortest ResizeShortestd
    """,
    "data": """
        Datalist DatalistItem EpochSampler EvaluationSampler ImagePool PhantomChest QualityMeasures
        QualityThresholds RestorationDataset RestorationFolder
        UnpairedDataset cached_dataset edges_of find_confounding find_faults inference_items
        list_images load_datalist measure_quality propose_quality read_datalist read_dataset_dir
        replaced_at_once slanted_edge with_edges write_phantom_dataset write_radiograph
    """,
    "report": """
        RunContents read_run write_report
    """,
    "study": """
        AUCPlan Design PreferencePlan StudyCase StudyCases analyse_study cases_needed cases_of_folders cases_of_run
        make_study
    """,
    "utils": """
        InputError NonFiniteLossError R2CKeys RunError Variant check_keys check_one_process check_settings
        describe_error find_input_error in_one_line keep_freed_memory process_count process_device process_rank
        report_in_one_line start_processes stop_processes
    """,
}


@pytest.mark.parametrize("package", PUBLIC)
def test_public_names_are_as_listed(package: str) -> None:
    module = importlib.import_module(f"monai_r2c.{package}")
    assert sorted(module.__all__) == sorted(PUBLIC[package].split())
    assert all(hasattr(module, name) for name in module.__all__)


def test_no_class_or_function_shares_its_name_with_one_of_monai() -> None:
    """MONAI's configs find classes and functions of all loaded modules by their short names alone."""
    for module in pkgutil.walk_packages(monai_r2c.__path__, "monai_r2c."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    locator = ComponentLocator()
    locator.get_component_module_name("UNet")  # makes the table
    shared = {
        name: places
        for name, places in locator._components_table.items()
        if len({place.startswith("monai_r2c") for place in places}) == 2
    }
    assert shared == {}
